/**
 * From nothing to tables that are proven equal: a real MySQL, a shop with writers, a snapshot, a stream that is
 * killed and started again, a report and a query. Everything is run as a person would run it, by the program's
 * own commands in processes of their own. `scripts/quickstart` installs what this needs, then starts it.
 */
import { join, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { messageOf, SyncError } from "../src/util/errors.ts";
import { formatCount } from "../src/util/units.ts";
import { withFileLock } from "./file-lock.ts";
import { KafkaServer } from "./kafka/server.ts";
import { MysqlServer } from "./mysql/server.ts";
import { emptyFolder } from "./quickstart-steps/folder.ts";
import { Narrator, seconds } from "./quickstart-steps/narrator.ts";
import { givenSource, ownSource, type Source } from "./quickstart-steps/source.ts";
import {
  catchUp,
  check,
  CONFIG,
  fillShop,
  followAgain,
  followAndKill,
  lookAtStatus,
  lookAtTopics,
  makeReader,
  prove,
  query,
  rowsInMysql,
  snapshot,
  writeConfig,
  type Stage,
} from "./quickstart-steps/steps.ts";
import { ShopWriters } from "./shop/writers.ts";

const USAGE = `usage: scripts/quickstart [options]

  --keep            leave MySQL running at the end, until Ctrl-C
  --folder <path>   where everything goes; emptied first (default: .cache/quickstart)
  --mysql <url>     take a MySQL that is there, as mysql://root:password@host:port; a database and a
                    user are made there and dropped again (default: TEST_MYSQL_URL, else one of our own)
  --kafka           send the changes through a real Kafka, which is started here too
  --scale <number>  size of the shop; 1 is about 340,000 rows (default: 1)
  --writers <n>     sessions that write (default: 8)
  --rate <n>        their transactions a second, of all together (default: 200)

Exit codes:
  0   every row of MySQL is in the lake, and proven
  1   something did not end as it must
  64  usage
  69  this machine lacks something
  130, 143  ended by SIGINT or SIGTERM
`;

const STEPS = 12;
/** How long an interrupted step may take to let go of what it holds. */
const UNWIND_MS_MAX = 5000;

interface Options {
  readonly keep: boolean;
  readonly folder: string;
  readonly mysql: string | undefined;
  readonly kafka: boolean;
  readonly scale: number;
  readonly writers: number;
  readonly rate: number;
}

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === null) return 0;
  const narrator = new Narrator({
    write: (text) => process.stdout.write(text),
    nowMs: () => performance.now(),
    steps: STEPS + (options.kafka ? 1 : 0),
  });
  const stop = new AbortController();
  const stopped = stopSignal(narrator, stop);
  await using resources = new AsyncDisposableStack();
  const running = runAll(options, { narrator, signal: stop.signal, resources });
  // What breaks because everything is being ended is no news.
  running.catch(() => undefined);
  const code = await Promise.race([running, stopped]);
  if (!stop.signal.aborted) return code;
  const ended = running.catch(() => code);
  return await Promise.race([ended, delay(UNWIND_MS_MAX, code)]);
}

/** Resolves with the exit code when a signal asks for the end. */
function stopSignal(narrator: Narrator, stop: AbortController): Promise<number> {
  return new Promise((resolve) => {
    const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
    for (const [name, code] of Object.entries(codes)) {
      process.on(name, () => {
        if (!stop.signal.aborted) narrator.sayLast(`${name}: ending what was started`);
        stop.abort();
        resolve(code);
      });
    }
  });
}

function readOptions(argv: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      keep: { type: "boolean", default: false },
      folder: { type: "string" },
      mysql: { type: "string" },
      kafka: { type: "boolean", default: false },
      scale: { type: "string", default: "1" },
      writers: { type: "string", default: "8" },
      rate: { type: "string", default: "200" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return null;
  }
  const number = (name: "scale" | "writers" | "rate"): number => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new TypeError(`--${name} must be a number above 0, not ${values[name]}`);
    return value;
  };
  const given = process.env["TEST_MYSQL_URL"];
  return {
    keep: values.keep,
    folder: resolve(values.folder ?? resolve(import.meta.dirname, "../.cache/quickstart")),
    mysql: values.mysql ?? (given === "" ? undefined : given),
    kafka: values.kafka,
    scale: number("scale"),
    writers: number("writers"),
    rate: number("rate"),
  };
}

interface Run {
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly resources: AsyncDisposableStack;
}

/** One at a time in a folder: another one waits, and says so. */
async function runAll(options: Options, run: Run): Promise<number> {
  const waiting = setTimeout(() => {
    run.narrator.say(`another quickstart is at work in ${options.folder}: waiting for it`);
  }, 500);
  return withFileLock(`${options.folder}.lock`, async () => {
    clearTimeout(waiting);
    return runSteps(options, run);
  });
}

async function runSteps(options: Options, { narrator, signal, resources }: Run): Promise<number> {
  narrator.say("tallylake is this repository's program; scripts/sync starts it.");
  await emptyFolder(options.folder);
  const home = process.cwd();
  process.chdir(options.folder);
  if (options.mysql === undefined) await MysqlServer.install((line) => narrator.say(line));
  if (options.kafka) await KafkaServer.install((line) => narrator.say(line));
  narrator.restartClock();
  narrator.step("A MySQL server");
  const source = resources.use(
    options.mysql === undefined ? await ownSource(narrator) : await givenSource(options.mysql, narrator),
  );
  const kafka = options.kafka ? resources.use(await startKafka(narrator)) : null;
  const stage: Stage = { narrator, signal, source, kafka };
  try {
    await runShop(options, stage, resources);
    sayWhatIsLeft(options, { narrator, source, home });
  } catch (error) {
    if (!options.keep || signal.aborted) throw error;
    process.stdout.write(failure(error));
    await untilSignal(stage);
    throw error;
  }
  if (options.keep) await untilSignal(stage);
  return 0;
}

async function startKafka(narrator: Narrator): Promise<KafkaServer> {
  narrator.step("A Kafka broker");
  const kafka = await KafkaServer.start({ notice: (line) => narrator.say(line) });
  narrator.say(`Apache Kafka at ${kafka.brokers().join(", ")}, with one broker and nothing in it.`);
  return kafka;
}

/** From the shop to the proof. */
async function runShop(options: Options, stage: Stage, resources: AsyncDisposableStack): Promise<void> {
  await fillShop(stage, options.scale);
  const url = await makeReader(stage);
  await writeConfig(stage, url);
  await check(stage);
  await snapshot(stage);
  const snapshotAt = new Date();
  const writers = resources.use(await startWriters(options, stage.source));
  await followAndKill(stage, options.writers);
  await lookAtStatus(stage);
  await followAgain(stage, writers);
  await catchUp(stage);
  if (stage.kafka !== null) await lookAtTopics(stage, stage.kafka);
  await prove(stage);
  await query(stage, snapshotAt);
  const rows = formatCount(await rowsInMysql(stage));
  const time = seconds(stage.narrator.elapsedMs);
  const way = stage.kafka === null ? "" : ", through Kafka";
  process.stdout.write(
    `\nmatch: ${rows} rows, equal in MySQL and the lake after a kill -9${way} (${time})\n\n`,
  );
}

/** With `--keep`, what was started stays for people to play with, or to look for what went wrong. */
async function untilSignal({ narrator, signal, source }: Stage): Promise<void> {
  narrator.say(`MySQL goes on at ${source.adminUrl} until you press Ctrl-C here.`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function startWriters({ writers, rate }: Options, source: Source): Promise<ShopWriters> {
  return ShopWriters.start({ url: source.adminUrl, writers, transactionsPerSecond: rate });
}

/** And what to type next. */
function sayWhatIsLeft(
  { keep, folder }: Options,
  { narrator, source, home }: Pick<Stage, "narrator" | "source"> & { readonly home: string },
): void {
  const own = relative(home, folder) || ".";
  const sync = (...words: readonly string[]): void =>
    narrator.command(["scripts/sync", ...words, "--config", join(own, CONFIG)]);
  narrator.say(`The tables, the config and the logs are in ${own}. What to type next:`);
  if (keep) {
    sync("follow");
    const write = ["scripts/shop.ts", "write", source.adminUrl, "--rate", "100", "--seconds", "60"];
    narrator.command(["node_modules/.bin/node", ...write]);
    sync("report", "--deep");
    return;
  }
  sync("query", `SELECT status, count(*) FROM ${source.database}.orders GROUP BY status ORDER BY status`);
  sync("status");
  const url = "mysql://user@host:3306";
  narrator.command(["scripts/sync", "new", "--source", url, "--tables", "your_database.*"]);
}

function failure(error: unknown): string {
  const remedy = error instanceof SyncError ? `\n  remedy: ${error.hint}` : "";
  return `\nquickstart: FAILED: ${messageOf(error)}${remedy}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stdout.write(failure(error));
  process.exitCode = error instanceof SyncError ? error.exitCode : error instanceof TypeError ? 64 : 1;
}
// A step that was abandoned in the middle may still hold something open.
process.exit();
