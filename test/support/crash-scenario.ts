import type { CrashRig, CrashRunEnd } from "./crash-rig.ts";
import { seededWriter } from "./crash-rig.ts";
import type { Place } from "./oracle.ts";
import { formatPoint, type StepPoint } from "./step-plan.ts";
import type { TestDatabase } from "./test-mysql.ts";

/** How a scenario went. */
export interface Outcome {
  readonly name: string;
  /** Points at which the process was killed, of those that were asked for. */
  readonly killed: readonly StepPoint[];
  /** What is wrong at the end; empty when nothing is. */
  readonly wrong: readonly string[];
  /** Steps that the run behind the last kill passed. */
  readonly recovery: readonly string[];
  /** Processes that were started. */
  readonly runs: number;
}

export interface ScenarioOptions {
  /** Points at which one life after the other ends; a life that ends otherwise is the last. */
  readonly kills: readonly StepPoint[];
  readonly seed: number;
}

const INIT = ["init"];
const FOLLOW = ["follow", "--until-caught-up"];
/** While the chunks are being read, and again before the high watermark is noted. */
const INIT_GATES: readonly StepPoint[] = [
  { step: "init.read", nth: 2 },
  { step: "init.read-all", nth: 1 },
];
const WRITES = 8;

const nameOf = (command: string, kills: readonly StepPoint[]): string =>
  [command, ...kills.map(formatPoint)].join(" ");

const failure = (run: string, end: CrashRunEnd): string =>
  `${run} ended with ${String(end.code ?? end.signal)}: ${end.stderr.trim().split("\n").slice(-4).join(" | ")}`;

/**
 * A snapshot under writes that is killed as often as asked, then finished, then followed. The tables change
 * while chunks are read, before the high watermark, and while nobody lives.
 */
export async function initScenario(rig: CrashRig, options: ScenarioOptions): Promise<Outcome> {
  await using database = await rig.database();
  const place = await rig.place(database.name);
  const write = seededWriter(database, options);
  const onGate = (): Promise<void> => write(WRITES);
  const run = { args: INIT, gates: INIT_GATES, onGate };
  const lives = await live(rig, place, { run, kills: options.kills, between: () => write(1) });
  const { end } = lives;
  if (end.code !== 0) return { ...lives.outcome, wrong: [failure("init", end)] };
  const followed = await rig.run(place, { args: FOLLOW });
  if (followed.code !== 0) return { ...lives.outcome, wrong: [failure("follow", followed)] };
  return await finish(rig, { ...lives.outcome, runs: lives.outcome.runs + 1 }, { place, database });
}

/** A lake behind its first commits, with changes waiting in the binlog. */
export interface FollowStart {
  readonly place: Place;
  readonly database: TestDatabase;
}

export async function followStart(rig: CrashRig, seed: number): Promise<FollowStart> {
  const database = await rig.database();
  const place = await rig.place(database.name);
  const end = await rig.run(place, { args: INIT });
  if (end.code !== 0) throw new Error(failure("init", end));
  await seededWriter(database, { seed })(45);
  return { place, database };
}

/** Follows a prepared binlog from a prepared lake, killed as often as asked. */
export async function followScenario(
  rig: CrashRig,
  start: FollowStart,
  options: Pick<ScenarioOptions, "kills">,
): Promise<Outcome> {
  const place = await rig.copy(start.place);
  const lives = await live(rig, place, { run: { args: FOLLOW }, kills: options.kills });
  const { end } = lives;
  if (end.code !== 0) return { ...lives.outcome, wrong: [failure("follow", end)] };
  return finish(rig, lives.outcome, { place, database: start.database });
}

interface Lives {
  readonly end: CrashRunEnd;
  readonly outcome: Outcome;
}

async function live(
  rig: CrashRig,
  place: Place,
  plan: {
    readonly run: Parameters<CrashRig["run"]>[1];
    readonly kills: readonly StepPoint[];
    readonly between?: () => Promise<void>;
  },
): Promise<Lives> {
  const { kills, run } = plan;
  const killed: StepPoint[] = [];
  let runs = 0;
  let end: CrashRunEnd | null = null;
  for (const kill of [...kills, undefined]) {
    end = await rig.run(place, { ...run, kill });
    runs++;
    if (kill === undefined || !end.isKilled) break;
    killed.push(kill);
    await plan.between?.();
  }
  if (end === null) throw new Error("a scenario has at least one life");
  const name = nameOf(run.args[0] ?? "", kills);
  return { end, outcome: { name, killed, wrong: [], recovery: end.steps, runs } };
}

async function finish(
  rig: CrashRig,
  outcome: Outcome,
  { place, database }: { readonly place: Place; readonly database: TestDatabase },
): Promise<Outcome> {
  const wrong = await rig.judge(place, database);
  // What went wrong stays to be looked at.
  if (wrong.length === 0) await rig.remove(place);
  return { ...outcome, wrong, runs: outcome.runs + 1 };
}
