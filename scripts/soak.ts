/**
 * The long versions of what the suite runs short: kills at random, snapshots under write, random values. See
 * `npm run soak -- --help`, and `soak/parts.ts` for what is run.
 */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, SyncError } from "../src/util/errors.ts";
import { CrashRig } from "../test/support/crash-rig.ts";
import { buildProgram } from "../test/support/program-bundle.ts";
import { TallylakeProcess } from "../test/support/tallylake-process.ts";
import { privateServer, type PrivateMysql } from "../test/support/test-mysql.ts";
import { installLibrdkafka } from "./kafka/librdkafka.ts";
import { stderrNotice } from "./process/notice.ts";
import { parseSoakArguments, USAGE, type SoakArguments } from "./soak/arguments.ts";
import { keepRun } from "./soak/kept.ts";
import { TURNS } from "./soak/parts.ts";
import { showProgress, type Progress } from "./soak/progress.ts";
import { nextPart, type Part, type PartUse } from "./soak/schedule.ts";
import { findingText, progressLine, resultLine, Tally, type SoakRun, type SoakState } from "./soak/tally.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** How long what was broken off may take to let go of what it holds. */
const UNWIND_MS_MAX = 20_000;
const KILL_AGAIN_MS = 100;
/** So many say that it is the surroundings. */
const BROKEN_TURNS_MAX = 3;

/** A soak on its way. */
interface Soak {
  readonly options: SoakArguments;
  readonly tally: Tally;
  readonly signal: AbortSignal;
  readonly elapsedMs: () => number;
  /** Where the folders of runs stay that went wrong. */
  readonly keepIn: string;
  readonly progress: Progress;
  /** The part whose turn it is. */
  current: Part | null;
}

const stateOf = ({ options, elapsedMs }: Pick<Soak, "options" | "elapsedMs">): SoakState => ({
  ...options,
  elapsedMs: elapsedMs(),
});

async function main(argv: readonly string[]): Promise<number> {
  const options = parseSoakArguments(argv, Date.now());
  if (options === null) {
    process.stdout.write(USAGE);
    return 0;
  }
  const stop = new AbortController();
  const stopped = stopSignal(stop);
  const keepIn = await realpath(tmpdir());
  // Everything below it is made in this folder, by us and by the processes that we start.
  const scratch = await mkdtemp(join(keepIn, "tallylake-soak-"));
  process.env["TMPDIR"] = scratch;
  try {
    return await soak(options, { keepIn, stop, stopped });
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 10 });
  }
}

interface Ending {
  readonly keepIn: string;
  readonly stop: AbortController;
  readonly stopped: Promise<keyof typeof SIGNALS>;
}

async function soak(options: SoakArguments, { keepIn, stop, stopped }: Ending): Promise<number> {
  if (options.parts.includes("kafka")) await installLibrdkafka(stderrNotice);
  await buildProgram();
  await using mysql = await privateServer([], { notice: stderrNotice });
  await using rig = await CrashRig.open(mysql);
  const startMs = performance.now();
  const elapsedMs = (): number => performance.now() - startMs;
  const tally = new Tally();
  using progress = showProgress(process.stderr, () =>
    progressLine(tally, { ...stateOf(state), part: state.current }),
  );
  const state: Soak = {
    ...{ options, tally, elapsedMs, keepIn, progress },
    signal: stop.signal,
    current: null,
  };
  const { minutes, seed, parts } = options;
  progress.say(`soak: seed ${seed}, ${minutes} min: ${parts.join(", ")}\n`);
  const running = runTurns(state, rig).then(() => null);
  const endedBy = await Promise.race([running, stopped]);
  if (endedBy !== null) await breakOff(running, mysql);
  progress[Symbol.dispose]();
  process.stdout.write(`${resultLine(tally, stateOf(state), endedBy)}\n`);
  if (endedBy !== null) return SIGNALS[endedBy];
  return tally.isRight ? 0 : 1;
}

function stopSignal(stop: AbortController): Promise<keyof typeof SIGNALS> {
  return new Promise((resolve) => {
    for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
      process.on(name, () => {
        stop.abort();
        resolve(name);
      });
    }
  });
}

/** Takes away what the runs work with, so that they end soon, whatever they wait for. */
async function breakOff(running: Promise<null>, mysql: PrivateMysql): Promise<void> {
  await mysql.process.kill9();
  // A scenario that has lost its process may start the next one.
  const timer = setInterval(() => TallylakeProcess.killAll(), KILL_AGAIN_MS);
  // What breaks because everything is being ended is no news.
  await Promise.race([running.catch(() => null), delay(UNWIND_MS_MAX, null, { ref: false })]);
  clearInterval(timer);
}

async function runTurns(soak: Soak, rig: CrashRig): Promise<void> {
  const { options, tally, signal, elapsedMs } = soak;
  const { minutes, seed } = options;
  const uses = options.parts.map((part) => ({ part, ms: 0, turns: 0 }));
  const report = reporter(soak, rig);
  let broken = 0;
  for (;;) {
    const usesNow: readonly PartUse[] = uses.map(({ part, ms }) => ({ part, ms, runs: tally.runs[part] }));
    const part = signal.aborted ? null : nextPart(usesNow, { minutes, elapsedMs: elapsedMs() });
    const use = uses.find((one) => one.part === part);
    if (part === null || use === undefined) return;
    soak.current = part;
    const startMs = performance.now();
    const isOver = (): boolean => signal.aborted || elapsedMs() >= minutes * 60_000;
    const turn = { rig, seed: seed + use.turns, report, isOver };
    try {
      await TURNS[part](turn);
      await forgetBinlogs(rig);
    } catch (error) {
      await report(brokenTurn(part, { seed: turn.seed, error }), null);
      if (++broken === BROKEN_TURNS_MAX) return;
    }
    use.turns++;
    use.ms += performance.now() - startMs;
  }
}

/** What stands for the runs of a turn that did not come to an end. */
function brokenTurn(
  part: Part,
  { seed, error }: { readonly seed: number; readonly error: unknown },
): SoakRun {
  const wrong = [messageOf(error)];
  return { part, seed, name: "the turn broke", verdict: "failure", wrong, kills: 0, rows: 0, values: 0 };
}

/** Counts a run, and says at once when it is not right. */
function reporter(soak: Soak, rig: CrashRig) {
  let rowsBefore = 0;
  return async (run: SoakRun, dir: string | null): Promise<void> => {
    // What breaks because the end has been asked for says nothing.
    if (soak.signal.aborted) return;
    const rows = rig.oracle.rowsCompared - rowsBefore;
    rowsBefore = rig.oracle.rowsCompared;
    soak.tally.add({ ...run, rows: run.rows + rows });
    if (run.verdict === "right") return;
    const kept = dir === null ? null : await keepRun(soak.keepIn, { run, dir });
    soak.progress.say(findingText(run, kept));
  };
}

/** Between two turns nobody needs what was written before; an hour of it is many gigabytes. */
async function forgetBinlogs(rig: CrashRig): Promise<void> {
  await using connection = await rig.mysql.connect();
  await connection.run("FLUSH BINARY LOGS");
  const logs = await connection.rows("SHOW BINARY LOGS");
  await connection.run("PURGE BINARY LOGS TO ?", [logs.at(-1)?.[0] ?? ""]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const remedy = error instanceof SyncError ? `\n  remedy: ${error.hint}` : "";
  process.stderr.write(`soak: ${messageOf(error)}${remedy}\n`);
  process.exitCode = error instanceof SyncError ? error.exitCode : error instanceof TypeError ? 64 : 1;
}
// Something that was broken off may still hold something open.
process.exit();
