import {
  seededWriter,
  type CrashRig,
  type CrashRun,
  type CrashRunEnd,
  type PlaceOptions,
} from "./crash-rig.ts";
import type { Place } from "./oracle.ts";
import { formatPoint, type StepPoint } from "./step-plan.ts";
import type { TestDatabase } from "./test-mysql.ts";

/** Where a life of the process ends: at a step, or after a time. */
export type Kill = StepPoint | { readonly afterMs: number };

export interface ScenarioOptions {
  /** One life after the other ends there; one that does not come there ends by itself. */
  readonly kills: readonly Kill[];
  readonly seed: number;
}

/** How a scenario went. */
export interface Outcome {
  readonly name: string;
  /** Kills that did not happen, because the process did not come there. */
  readonly missed: readonly string[];
  /** What is wrong at the end; empty when nothing is. */
  readonly wrong: readonly string[];
  /** Steps that the run behind the last kill passed. */
  readonly recovery: readonly string[];
  /** How long that run took. */
  readonly recoveryMs: number;
  /** Kills that happened. */
  readonly kills: number;
  /** Whether it came as far as the comparison with MySQL. */
  readonly isJudged: boolean;
  /** Its folder, which is still there when something is wrong. */
  readonly dir: string;
  /** Processes that were started. */
  readonly runs: number;
}

const INIT = ["init"];
const FOLLOW = ["follow", "--until-caught-up"];
/** While the chunks are being read, and again before the high watermark is noted. */
const INIT_GATES: readonly StepPoint[] = [
  { step: "init.read", nth: 2 },
  { step: "init.read-all", nth: 1 },
];
const WRITES_AT_GATE = 8;
const WRITES_BETWEEN = 6;
/** What waits in the binlog when a process starts to follow: some 350 changes of rows. */
const WRITES_WAITING = 45;

export const formatKill = (kill: Kill): string =>
  "step" in kill ? formatPoint(kill) : `after ${kill.afterMs} ms`;

export function failure(
  command: readonly string[],
  { code, signal, stderr, isOverdue }: CrashRunEnd,
): string {
  const said = stderr.trim().split("\n").slice(-6).join(" | ");
  const end = isOverdue ? "did not end in time" : `ended with ${String(code ?? signal)}`;
  return `${command.join(" ")} ${end}: ${said}`;
}

/**
 * A snapshot under writes that is killed as often as asked, then finished, then followed. The tables change
 * while chunks are read, before the high watermark, and while nobody lives.
 */
export async function initScenario(rig: CrashRig, options: ScenarioOptions): Promise<Outcome> {
  await using database = await rig.database();
  const place = await rig.place(database.name);
  const write = seededWriter(database, options);
  const run = { args: INIT, gates: INIT_GATES, onGate: () => write(WRITES_AT_GATE) };
  const lives = await live(rig, place, { run, kills: options.kills, between: () => write(1) });
  if (lives.wrong.length > 0) return lives;
  const followed = await rig.run(place, { args: FOLLOW });
  const runs = lives.runs + 1;
  if (followed.code !== 0) return { ...lives, runs, wrong: [failure(FOLLOW, followed)] };
  return await judged(rig, { ...lives, runs }, { place, database });
}

/** A lake behind its first commits, with changes waiting in the binlog. */
export interface FollowStart {
  readonly place: Place;
  readonly database: TestDatabase;
}

export async function followStart(
  rig: CrashRig,
  { seed, ...options }: PlaceOptions & { readonly seed: number },
): Promise<FollowStart> {
  const database = await rig.database();
  const place = await rig.place(database.name, options);
  const end = await rig.run(place, { args: INIT });
  if (end.code !== 0) throw new Error(failure(INIT, end));
  await seededWriter(database, { seed })(WRITES_WAITING);
  return { place, database };
}

/** Follows a prepared binlog from a copy of a prepared lake, killed as often as asked. */
export async function followScenario(
  rig: CrashRig,
  start: FollowStart,
  kills: readonly Kill[],
  last: LastRun = "process",
): Promise<Outcome> {
  const place = await rig.copy(start.place);
  const lives = await live(rig, place, { run: { args: FOLLOW }, kills, last });
  return lives.wrong.length > 0 ? lives : judged(rig, lives, { place, database: start.database });
}

/** Follows a lake of its own, with new changes before each life, so that none of them has nothing to do. */
export async function followChain(rig: CrashRig, options: ScenarioOptions & PlaceOptions): Promise<Outcome> {
  const start = await followStart(rig, options);
  await using database = start.database;
  const write = seededWriter(database, { seed: options.seed + 1 });
  const lives = await live(rig, start.place, {
    run: { args: FOLLOW },
    kills: options.kills,
    between: () => write(WRITES_BETWEEN),
  });
  return lives.wrong.length > 0 ? lives : await judged(rig, lives, { place: start.place, database });
}

/**
 * The run that finishes what the killed ones have left: in a process of its own, whose steps are recorded, or
 * here, which saves the start of a process where a hundred scenarios end so.
 */
export type LastRun = "process" | "here";

/** Lets the process live and die, and at last live to its own end. */
async function live(
  rig: CrashRig,
  place: Place,
  plan: {
    readonly run: CrashRun;
    readonly kills: readonly Kill[];
    readonly between?: () => Promise<void>;
    readonly last?: LastRun;
  },
): Promise<Outcome> {
  const { kills, run } = plan;
  const name = [run.args[0] ?? "", ...kills.map(formatKill)].join(" ");
  const missed: string[] = [];
  let happened = 0;
  for (const [i, kill] of kills.entries()) {
    const end = await rig.run(place, {
      ...run,
      ...("step" in kill ? { kill } : { killAfterMs: kill.afterMs }),
    });
    if (end.isKilled) happened++;
    else missed.push(formatKill(kill));
    if (!end.isKilled && end.code !== 0) {
      const wrong = [failure(run.args, end)];
      return { ...outcomeOf(place, end, i + 1), name, missed, wrong, kills: happened };
    }
    await plan.between?.();
  }
  const end = plan.last === "here" ? await rig.runHere(place, run.args) : await rig.run(place, run);
  const wrong = end.code === 0 ? [] : [failure(run.args, end)];
  return { ...outcomeOf(place, end, kills.length + 1), name, missed, wrong, kills: happened };
}

/** The parts of an outcome that follow from the last run of so many. */
const outcomeOf = (place: Place, { steps, ms }: CrashRunEnd, runs: number) => ({
  dir: place.dir,
  recovery: steps,
  recoveryMs: ms,
  runs,
  isJudged: false,
});

async function judged(
  rig: CrashRig,
  outcome: Outcome,
  { place, database }: { readonly place: Place; readonly database: TestDatabase },
): Promise<Outcome> {
  const wrong = await rig.judge(place, database);
  if (wrong.length === 0) await rig.remove(place);
  return { ...outcome, wrong, runs: outcome.runs + 1, isJudged: true };
}

/** Everything that is wrong in any of them, with the name of the scenario. */
export const allWrong = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ name, wrong }) => wrong.map((what) => `${name}: ${what}`));
