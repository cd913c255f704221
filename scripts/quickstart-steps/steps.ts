import { readFile, writeFile } from "node:fs/promises";
import { formatCount } from "../../src/util/units.ts";
import type { KafkaServer } from "../kafka/server.ts";
import { kafkaTool } from "../kafka/tool.ts";
import { loadShop } from "../shop/load.ts";
import { SHOP_TABLES } from "../shop/schema.ts";
import type { ShopWriters } from "../shop/writers.ts";
import { Follower } from "./follower.ts";
import type { Narrator } from "./narrator.ts";
import { pendingCommits } from "./pending-commits.ts";
import { askMysql, makeUser, type Source } from "./source.ts";
import { stepError } from "./step-error.ts";
import { runTool, type ToolOptions } from "./tool.ts";

/*
 * What the quickstart does, one function for each step. They work in the current folder, which is the
 * quickstart's own, and stop it by an error when a step does not end as it must.
 */

export interface Stage {
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly source: Source;
  /** Null: the changes stay in the process. */
  readonly kafka: KafkaServer | null;
}

export const CONFIG = "tallylake.yaml";
export const LAKE = "lake";
const COMMIT_EVERY = "2s";

export async function fillShop(stage: Stage, scale: number): Promise<void> {
  const { narrator, source } = stage;
  narrator.step("A small shop");
  const rows = await loadShop({ url: source.adminUrl, scale });
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  narrator.say(
    `${formatCount(total)} rows: ${[...rows].map(([table, count]) => `${table} ${formatCount(count)}`).join(", ")}`,
  );
}

/** Runs a command that must end well. */
async function mustRun(stage: ToolOptions, args: readonly string[]): Promise<string> {
  const { exitCode, stdout } = await runTool(args, stage);
  if (exitCode === 0) return stdout;
  throw stepError(`${args[0] ?? ""} ended with exit code ${exitCode}`, "do what it says above");
}

/** The URL of the source, as it is to stand in a config. */
export async function makeReader(stage: Stage): Promise<string> {
  stage.narrator.step("A user that may read, and nothing more");
  return makeUser(stage.source, stage.narrator);
}

export async function writeConfig(stage: Stage, url: string): Promise<void> {
  const { narrator, source } = stage;
  narrator.step("A config, written from what is there");
  await mustRun(stage, ["new", "--source", url, "--tables", `${source.database}.*`]);
  const text = await readFile(CONFIG, "utf8");
  const quick = text.replace(/^# commit: .*$/m, `commit: {every: ${COMMIT_EVERY}}`);
  if (quick === text) throw stepError("the starter config has no line for commit", `see ${CONFIG}`);
  const channel = stage.kafka === null ? "" : channelText(stage.kafka);
  await writeFile(CONFIG, `${quick}\n${channel}`);
  narrator.say("It names every table, with comments. All that a config needs are three lines:");
  narrator.show(`source: ${url}\ntables: [${source.database}.*]\nlake: ./${LAKE}`);
  narrator.say(`For this run it also has: commit: {every: ${COMMIT_EVERY}}. The default is 30s.`);
  if (channel === "") return;
  narrator.say("And for Kafka, here with one broker where three would be right:");
  narrator.show(channel.trim());
}

const channelText = (kafka: KafkaServer): string =>
  `channel:\n  kafka: {brokers: [${kafka.brokers().join(", ")}], replication: 1}\n`;

const SHOWN_BYTES = 300;

/** What anybody else sees in Kafka, by its own consumer. */
export async function lookAtTopics(stage: Stage, kafka: KafkaServer): Promise<void> {
  const { narrator, source } = stage;
  narrator.say("What others read in Kafka is one record for each change, as Debezium writes them:");
  const topics = (
    await kafkaTool("org.apache.kafka.tools.TopicCommand", ["--bootstrap-server", kafka.admin, "--list"])
  )
    .split("\n")
    .filter((topic) => topic !== "" && !topic.startsWith("__"));
  const topic = topics.find((name) => name.endsWith(`.${source.database}.orders`));
  if (topic === undefined) throw stepError("there is no topic of orders", `there are ${topics.join(", ")}`);
  const args = ["--topic", topic, "--from-beginning", "--max-messages", "1", "--timeout-ms", "20000"];
  const isolation = ["--isolation-level", "read_committed"];
  narrator.command(["kafka-console-consumer", ...args.slice(0, 5), ...isolation]);
  const record = await kafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    "--bootstrap-server",
    kafka.admin,
    ...args,
    ...isolation,
  ]);
  narrator.show(`${record.trim().slice(0, SHOWN_BYTES)}…`);
}

export async function check(stage: Stage): Promise<void> {
  stage.narrator.step("Is there anything that keeps the tables from being kept exactly?");
  await mustRun(stage, ["check"]);
}

export async function snapshot(stage: Stage): Promise<void> {
  stage.narrator.step("The snapshot: every table's first commit");
  await mustRun(stage, ["init"]);
}

/** Lets a follow commit, then kills it, if at all possible while it commits. */
export async function followAndKill(stage: Stage, writers: number): Promise<void> {
  const { narrator, source } = stage;
  narrator.step(`Follow the binlog while ${writers} writers change all tables, and kill -9 in the middle`);
  await using follower = await Follower.start({ ...stage, logPath: "follow-1.log", linesMax: 8 });
  if (!(await follower.waitFor(() => follower.committed.size >= 3))) {
    throw stepError("follow made no commits", "see follow-1.log");
  }
  const pending = (): ReturnType<typeof pendingCommits> => pendingCommits(LAKE, source.database, SHOP_TABLES);
  await follower.waitFor(() => pending().length > 0, 15_000);
  const killed = follower.kill9();
  narrator.command(["kill", "-9", String(follower.pid)]);
  await killed;
  const unfinished = pending();
  narrator.say(
    unfinished.length === 0
      ? "Killed between two commits; what it had read beyond the last one is lost."
      : `Killed while it committed ${unfinished.map(({ table, instant }) => `${table} (${instant})`).join(", ")}.`,
  );
}

export async function lookAtStatus(stage: Stage): Promise<void> {
  stage.narrator.step("What is known, with nobody at work and the writers going on");
  await mustRun(stage, ["status"]);
}

/** Starts follow again, lets it commit, ends the writers, then asks it to end. */
export async function followAgain(stage: Stage, writers: ShopWriters): Promise<void> {
  const { narrator } = stage;
  narrator.step("Start again: it goes on from what the commits say");
  await using follower = await Follower.start({ ...stage, logPath: "follow-2.log", linesMax: 12 });
  if (!(await follower.waitFor(() => follower.committed.size === SHOP_TABLES.length))) {
    throw stepError("follow made no commits after its restart", "see follow-2.log");
  }
  const counts = await writers.stop();
  const changes = counts.inserts + counts.updates + counts.keyChanges + counts.deletes;
  narrator.say(
    `The writers have stopped, after ${formatCount(counts.transactions)} transactions: ` +
      `${formatCount(counts.inserts)} inserts, ${formatCount(counts.updates)} updates, ` +
      `${formatCount(counts.deletes)} deletes, ${formatCount(counts.keyChanges)} key changes (${formatCount(changes)} in all).`,
  );
  narrator.command(["kill", "-TERM", String(follower.pid)]);
  const exitCode = await follower.stop();
  narrator.say(`exit code ${exitCode ?? "unknown"}`);
  if (exitCode !== 0) throw stepError("follow did not end well", "see follow-2.log");
}

export async function catchUp(stage: Stage): Promise<void> {
  stage.narrator.step("To the end of the binlog");
  await mustRun({ ...stage, linesMax: 8 }, ["follow", "--until-caught-up"]);
}

export async function prove(stage: Stage): Promise<void> {
  stage.narrator.step("Prove it: every hop counted, every row compared");
  await mustRun(stage, ["report", "--deep"]);
}

/** In words that DuckDB and MySQL have in common. */
const question = (database: string): string =>
  `SELECT c.country, count(*) AS orders, sum(o.total) AS total FROM ${database}.orders o ` +
  `JOIN ${database}.customer c ON c.id = o.customer_id GROUP BY c.country ORDER BY c.country`;

/** Asks the lake and MySQL the same question, and the lake once more about the time of the snapshot. */
export async function query(stage: Stage, snapshotAt: Date): Promise<void> {
  const { narrator, source } = stage;
  narrator.step("Query the lake, now and as it was after the snapshot");
  const sql = question(source.database);
  const inLake = await mustRun(stage, ["query", "--format", "csv", sql]);
  const inMysql = await askMysql(source, sql);
  const lines = inLake.trim().split(/\r?\n/).slice(1);
  if (lines.join("\n") !== inMysql.join("\n")) {
    narrator.say("MySQL says something else:");
    narrator.show(inMysql.join("\n"));
    throw stepError("MySQL and the lake answered differently", "this is a defect: please report it");
  }
  narrator.say("MySQL gives the same answer to the same statement.");
  await mustRun(stage, ["query", "--as-of", snapshotAt.toISOString(), sql]);
}

export async function rowsInMysql({ source }: Stage): Promise<number> {
  const counts = SHOP_TABLES.map((table) => `(SELECT count(*) FROM ${table})`).join(" + ");
  return Number((await askMysql(source, `SELECT ${counts}`))[0]);
}
