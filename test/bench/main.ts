/**
 * Speed, on data that other tools were measured on.
 *
 *     npm run -s bench -- [decode|snapshot|stream ...] [--rows N] [--changes N] [--json] [--save]
 *
 * Each bench runs in a process of its own, with a MySQL of its own on the same machine. `--save` makes the
 * figures the baseline that later runs are compared with; ratios count, since machines differ.
 */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { benchDecode } from "./decode.ts";
import { prepareBenchServer } from "./data.ts";
import type { Figure } from "./measure.ts";
import { benchSnapshot, benchStream, makeBase, type BenchPlace } from "./pipeline.ts";

const BASELINE = new URL("./baseline.json", import.meta.url);
const BENCHES = ["decode", "snapshot", "stream-1M", "stream-100k"] as const;
type BenchName = (typeof BENCHES)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "2000000" },
    changes: { type: "string", default: "1000000" },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    child: { type: "string" },
    base: { type: "string" },
    place: { type: "string", default: "" },
  },
});
const size = { rows: Number(values.rows), changes: Number(values.changes) };

if (values.base !== undefined) await makeBase(JSON.parse(values.place) as BenchPlace, values.base);
else if (values.child === undefined) await runAll();
else process.stdout.write(`${JSON.stringify(await runOne(values.child as BenchName))}\n`);

async function runOne(name: BenchName): Promise<readonly Figure[]> {
  await using prepared = await prepareBenchServer(size, {
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
  }
}

async function runAll(): Promise<void> {
  const asked = BENCHES.filter(
    (name) => positionals.length === 0 || positionals.some((word) => name.startsWith(word)),
  );
  const baseline = await readBaseline();
  const figures: Figure[] = [];
  for (const name of asked) {
    const args = ["--child", name, "--rows", values.rows, "--changes", values.changes];
    for (const figure of JSON.parse(await runChild(args)) as readonly Figure[]) {
      figures.push(figure);
      process.stdout.write(
        values.json ? `${JSON.stringify(figure)}\n` : line(figure, baseline.get(figure.bench)),
      );
    }
  }
  if (values.save) {
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
    `  (${figure.rows.toLocaleString("en-US")} in ${figure.seconds.toFixed(2)} s, tool CPU ${figure.toolCpuSec.toFixed(1)} s${server}, peak RSS ${figure.peakRssMiB} MiB)${ratio}\n`
  );
}
