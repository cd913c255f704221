/** How long a change takes from its commit in MySQL to the commit of the table through Kafka, at a steady rate. */
import { spawn } from "node:child_process";
import { runFollow } from "../../src/app/follow.ts";
import { monotonicMs, openKafkaChannel } from "../../src/app/open-channel.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { must } from "../../src/util/assert.ts";
import type { BenchServer } from "./data.ts";
import { channelText, startBroker } from "./kafka.ts";
import { measure, type Figure } from "./measure.ts";
import { Bench, inFolder, log, SHOP } from "./pipeline.ts";
import type { SteadyWork } from "./steady-writer.ts";

export const LATENCY_SIZE = { rows: 200_000, changes: 1000 };

const CHANGES_PER_SECOND = 5000;
const SECONDS = 60;
/** Node and the broker compile themselves at first. */
const WARM_SECONDS = 20;

/** A commit of the table: when it was done, and the last transaction of the writer that it holds. */
interface Visible {
  readonly atMs: number;
  readonly gtids: GtidSet;
}

export async function benchLatency(
  prepared: BenchServer,
  { makeBase }: { readonly makeBase: (dir: string) => Promise<unknown> },
): Promise<Figure> {
  await using kafka = await startBroker();
  return await inFolder(async (dir) => {
    await makeBase(dir);
    const { server } = prepared;
    const settings = `commit: {every: 1s}\n${channelText(must(kafka.brokers()[0], "the broker"), "latency")}`;
    const bench = await Bench.open(dir, server.port, settings, { bytesMax: 16 << 20 });
    const { schema, dataBytes } = await bench.schemaOf(SHOP);
    const lake = await bench.openTable(schema, dataBytes);
    const { serverUuid } = must(lake.checkpoint, "the checkpoint of the table");
    const commits: Visible[] = [];
    const stop = new AbortController();
    const what = {
      bench: "kafka-latency",
      unit: "changes",
      serverPid: must(server.pid, "the server's pid"),
    };
    let work: SteadyWork | null = null;
    const figure = await measure(what, async () => {
      const following = runFollow({
        config: bench.config,
        source: bench.source,
        tables: [lake],
        target: null,
        log,
        signal: stop.signal,
        now: monotonicMs,
        onRunning: () => undefined,
        onCommit: (_applier, { checkpoint }) => {
          commits.push({ atMs: Date.now(), gtids: checkpoint.position.gtids });
          if (work !== null && checkpoint.position.gtids.includes(endOf(work))) stop.abort();
        },
        onStop: ({ message }) => {
          throw new Error(message);
        },
        openChannel: (tables) =>
          openKafkaChannel(
            { config: bench.config, log, signal: stop.signal },
            must(bench.config.channel, "the channel"),
            { tables, serverUuid },
          ),
      });
      work = await steadyWork(server.url);
      await following;
      return { rows: work.changes };
    });
    await lake.close();
    await bench.close();
    return { ...figure, note: latencyText(must(work as SteadyWork | null, "what was written"), commits) };
  });
}

function steadyWork(url: string): Promise<SteadyWork> {
  const file = new URL("./steady-writer.ts", import.meta.url).pathname;
  const numbers = [LATENCY_SIZE.rows, CHANGES_PER_SECOND, SECONDS].map(String);
  const child = spawn(process.execPath, [file, url, ...numbers], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(text) as SteadyWork);
      else reject(new Error(`the writer ended with ${code ?? "a signal"}`));
    });
  });
}

/** Server and number of the last transaction before the writer's. */
function lastBefore({ before }: SteadyWork): { readonly server: string; readonly number: number } {
  const [, server = "", number = ""] = /^(.*):1-(\d+)$/.exec(before) ?? [];
  return { server, number: Number(number) };
}

function endOf(work: SteadyWork): GtidSet {
  const { server, number } = lastBefore(work);
  return GtidSet.parse(`${server}:${number + work.committedMs.length}`);
}

function latencyText(work: SteadyWork, commits: readonly Visible[]): string {
  const { server, number } = lastBefore(work);
  const fromMs = (work.committedMs[0] ?? 0) + WARM_SECONDS * 1000;
  const latencies: number[] = [];
  let commit = 0;
  work.committedMs.forEach((committedMs, i) => {
    const gtid = GtidSet.parse(`${server}:${number + i + 1}`);
    while (commits[commit]?.gtids.includes(gtid) === false) commit++;
    const { atMs } = must(commits[commit], "the commit that holds a transaction");
    if (committedMs >= fromMs) latencies.push(atMs - committedMs);
  });
  latencies.sort((a, b) => a - b);
  const at = (share: number): string =>
    (must(latencies[Math.floor((latencies.length - 1) * share)], "a latency") / 1000).toFixed(2);
  return `from commit in MySQL to commit of the table: p50 ${at(0.5)} s, p95 ${at(0.95)} s, max ${at(1)} s, in ${commits.length} commits of the table, without the first ${WARM_SECONDS} s`;
}
