/**
 * Speed, on data that other tools were measured on: see `npm run -s bench -- --help`.
 *
 * Each bench runs in a process of its own, with a MySQL of its own on the same machine.
 */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { messageOf } from "../../src/util/errors.ts";
import { parseBenchArguments, USAGE, type BenchArguments, type BenchName } from "./arguments.ts";
import { benchDecode } from "./decode.ts";
import { prepareBenchServer, type BenchSize } from "./data.ts";
import { benchKafka } from "./kafka.ts";
import { benchLatency, LATENCY_SIZE } from "./kafka-latency.ts";
import type { Figure } from "./measure.ts";
import { benchSnapshot, benchStream, makeBase, type BenchPlace } from "./pipeline.ts";

const BASELINE = new URL("./baseline.json", import.meta.url);

async function main(options: BenchArguments): Promise<void> {
  if (options.base !== null) await makeBase(JSON.parse(options.place) as BenchPlace, options.base);
  else if (options.child === null) await runAll(options);
  else process.stdout.write(`${JSON.stringify(await runOne(options.child, options))}\n`);
}

async function runOne(name: BenchName, size: BenchSize): Promise<readonly Figure[]> {
  // That one is about a table of a certain size.
  await using prepared = await prepareBenchServer(name === "kafka-latency" ? LATENCY_SIZE : size, {
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  const place: BenchPlace = { port: prepared.server.port, workload: prepared.workload };
  const base = (dir: string): Promise<string> => runChild(["--base", dir, "--place", JSON.stringify(place)]);
  const stream = async (commitRows: number): Promise<readonly Figure[]> => [
    await benchStream(prepared, { commitRows, makeBase: base }),
  ];
  switch (name) {
    case "decode":
      return await benchDecode(prepared);
    case "snapshot":
      return [await benchSnapshot(prepared)];
    case "stream-1M":
      return await stream(1_000_000);
    case "stream-100k":
      return await stream(100_000);
    case "kafka":
      return await benchKafka(prepared, { makeBase: base });
    case "kafka-latency":
      return [await benchLatency(prepared, { makeBase: base })];
  }
}

async function runAll({ benches, rows, changes, json, save }: BenchArguments): Promise<void> {
  const baseline = await readBaseline();
  const figures: Figure[] = [];
  for (const name of benches) {
    const args = ["--child", name, "--rows", String(rows), "--changes", String(changes)];
    for (const figure of JSON.parse(await runChild(args)) as readonly Figure[]) {
      figures.push(figure);
      process.stdout.write(json ? `${JSON.stringify(figure)}\n` : line(figure, baseline.get(figure.bench)));
    }
  }
  if (save) {
    for (const figure of figures) baseline.set(figure.bench, figure);
    await writeFile(BASELINE, `${JSON.stringify([...baseline.values()], null, 2)}\n`);
  }
}

function runChild(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [import.meta.filename, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${args.slice(0, 2).join(" ")} ended with ${code ?? "a signal"}`));
    });
  });
}

async function readBaseline(): Promise<Map<string, Figure>> {
  const text = await readFile(BASELINE, "utf8").catch(() => "[]");
  return new Map((JSON.parse(text) as readonly Figure[]).map((figure) => [figure.bench, figure]));
}

function line(figure: Figure, before: Figure | undefined): string {
  const ratio =
    before === undefined ? "" : `  ×${(figure.rowsPerSec / before.rowsPerSec).toFixed(2)} of the baseline`;
  const server = figure.serverCpuSec === null ? "" : `, server CPU ${figure.serverCpuSec.toFixed(1)} s`;
  return (
    `${figure.bench.padEnd(15)} ${figure.rowsPerSec.toLocaleString("en-US").padStart(10)} ${figure.unit}/s` +
    `  (${figure.rows.toLocaleString("en-US")} in ${figure.seconds.toFixed(2)} s, tool CPU ${figure.toolCpuSec.toFixed(1)} s${server}, peak RSS ${figure.peakRssMiB} MiB)${ratio}` +
    `${figure.note === undefined ? "" : `\n${" ".repeat(16)}${figure.note}`}\n`
  );
}

/** What was asked for; null when nothing is to run, and why has been said. */
function readArguments(): BenchArguments | null {
  try {
    const options = parseBenchArguments(process.argv.slice(2));
    if (options === null) process.stdout.write(USAGE);
    return options;
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n`);
    process.exitCode = 64;
    return null;
  }
}

const asked = readArguments();
if (asked !== null) await main(asked);
