/**
 * The parts of the soak. A turn of a part is some runs; all that is random in it follows from the turn's
 * seed, so that a soak with that seed begins with this turn. (Where a process passes which step also depends on
 * time, so a kill that is repeated may come a little earlier or later.)
 */
import { must } from "../../src/util/assert.ts";
import { messageOf } from "../../src/util/errors.ts";
import { readCorpus } from "../../test/support/binlog-corpus.ts";
import { BinlogFuzz } from "../../test/support/binlog-fuzz.ts";
import type { CrashRig } from "../../test/support/crash-rig.ts";
import {
  followChain,
  followScenario,
  followStart,
  formatKill,
  initScenario,
  type Kill,
  type Outcome,
} from "../../test/support/crash-scenario.ts";
import { ddlScenario } from "../../test/support/ddl-scenario.ts";
import { inParallel } from "../../test/support/in-parallel.ts";
import { isReportAlone } from "../../test/support/oracle.ts";
import { RANDOM_COLUMNS } from "../../test/support/random-row.ts";
import { carryRandomRows, compareCodecs } from "../../test/support/random-values.ts";
import { snapshotUnderWrite } from "../../test/support/snapshot-under-write.ts";
import { seededRandom } from "../random.ts";
import { chooseKills } from "./kill-choice.ts";
import { kafkaTurn } from "./kafka-turn.ts";
import { FUZZ_MUTATIONS, type Part } from "./schedule.ts";
import type { SoakRun, Verdict } from "./tally.ts";

export interface TurnContext {
  readonly rig: CrashRig;
  readonly seed: number;
  /** Takes what came of a run; `dir` is what is left of it when it went wrong. */
  readonly report: (run: SoakRun, dir: string | null) => Promise<void>;
  /** Whether no further run is to begin. */
  readonly isOver: () => boolean;
}

const AT_ONCE = 2;
const FOLLOWS = 5;
const CHAINS = 2;
const INITS = 3;
const WRITERS = { writers: 10, transactionsPerSecond: 150, scale: 0.02 };
const CODEC_ROWS = 4000;
const LAKE_ROWS = 1000;
const HISTORIES = 8;
/** Of each server type, by the name of what was recorded. */
const CORPORA = ["mysql-9.7"];

export const TURNS: Readonly<Record<Part, (context: TurnContext) => Promise<void>>> = {
  crash: crashTurn,
  snapshot: snapshotTurn,
  values: valuesTurn,
  ddl: ddlTurn,
  fuzz: fuzzTurn,
  kafka: kafkaTurn,
};

interface Ended {
  readonly wrong: readonly string[];
  readonly isJudged: boolean;
}

function verdictOf({ wrong, isJudged }: Ended): Verdict {
  if (wrong.length === 0) return "right";
  if (!isJudged) return "failure";
  return isReportAlone(wrong) ? "false alarm" : "divergence";
}

interface Scenario {
  readonly command: string;
  readonly kills: readonly Kill[];
  readonly run: (kills: readonly Kill[]) => Promise<Outcome>;
}

/** Records what `follow` and `init` pass, then kills them there, and at any time, one life after the other. */
async function crashTurn(context: TurnContext): Promise<void> {
  const { rig, seed, isOver } = context;
  const random = seededRandom(seed);
  const start = await followStart(rig, { seed });
  await using _database = start.database;
  const follow = (kills: readonly Kill[]) => followScenario(rig, start, kills);
  const chain = (of: number) => (kills: readonly Kill[]) => followChain(rig, { seed: of, kills });
  const init = (of: number) => (kills: readonly Kill[]) => initScenario(rig, { seed: of, kills });
  const followed = await crashRun(context, { command: "follow", kills: [], run: follow });
  const initiated = await crashRun(context, { command: "init", kills: [], run: init(seed) });
  if (followed === null || initiated === null) return;
  const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => seed + i);
  const drawn = (of: Outcome): readonly Kill[] =>
    chooseKills({ steps: of.recovery, ms: of.recoveryMs }, random);
  const scenarios: readonly Scenario[] = [
    ...seeds(FOLLOWS).map(() => ({ command: "follow", kills: drawn(followed), run: follow })),
    ...seeds(CHAINS).map((of) => ({ command: "follow", kills: drawn(followed), run: chain(of) })),
    ...seeds(INITS).map((of) => ({ command: "init", kills: drawn(initiated), run: init(of) })),
  ];
  await inParallel(scenarios, AT_ONCE, async (scenario) => {
    if (!isOver()) await crashRun(context, scenario);
  });
  await rig.remove(start.place);
}

/** Null when the scenario itself broke, which counts as a failure and leaves those beside it alone. */
async function crashRun({ seed, report }: TurnContext, scenario: Scenario): Promise<Outcome | null> {
  const name = [scenario.command, ...scenario.kills.map(formatKill)].join(" ");
  const run = { part: "crash", seed, name, rows: 0, values: 0 } as const;
  try {
    const outcome = await scenario.run(scenario.kills);
    const { wrong, kills, dir } = outcome;
    await report({ ...run, verdict: verdictOf(outcome), wrong, kills }, dir);
    return outcome;
  } catch (error) {
    await report({ ...run, verdict: "failure", wrong: [messageOf(error)], kills: 0 }, null);
    return null;
  }
}

async function snapshotTurn({ rig, seed, report }: TurnContext): Promise<void> {
  const outcome = await snapshotUnderWrite(rig, { ...WRITERS, seed });
  const { wrong, dir } = outcome;
  const verdict = verdictOf(outcome);
  const name = `init and follow with ${WRITERS.writers} writers`;
  await report({ part: "snapshot", seed, name, verdict, wrong, kills: 0, rows: 0, values: 0 }, dir);
}

/** Some histories, each with a seed of its own. */
async function ddlTurn({ rig, seed, report, isOver }: TurnContext): Promise<void> {
  const seeds = Array.from({ length: HISTORIES }, (_, i) => seed * HISTORIES + i);
  await inParallel(seeds, AT_ONCE, async (of) => {
    if (isOver()) return;
    const run = { part: "ddl", seed, name: `history ${of}`, rows: 0, values: 0 } as const;
    try {
      const outcome = await ddlScenario(rig, { seed: of });
      const { wrong, kills, dir } = outcome;
      await report({ ...run, verdict: verdictOf(outcome), wrong, kills }, dir);
    } catch (error) {
      await report({ ...run, verdict: "failure", wrong: [messageOf(error)], kills: 0 }, null);
    }
  });
}

async function valuesTurn({ rig, seed, report, isOver }: TurnContext): Promise<void> {
  await using database = await rig.mysql.database();
  const codec = await compareCodecs(database, { seed, rows: CODEC_ROWS });
  const run = (name: string, outcome: Ended & { readonly rows: number }): SoakRun => {
    const values = outcome.rows * RANDOM_COLUMNS;
    const { wrong } = outcome;
    return { part: "values", seed, name, verdict: verdictOf(outcome), wrong, kills: 0, rows: 0, values };
  };
  const compared = run("the codecs of binlog and snapshot", { ...codec, isJudged: true });
  await report({ ...compared, rows: codec.rows }, null);
  if (isOver()) return;
  const carried = await carryRandomRows(rig, { seed, rows: LAKE_ROWS });
  await report(run("random rows through init and follow", carried), carried.dir);
}

async function fuzzTurn({ seed, report }: TurnContext): Promise<void> {
  const corpus = readCorpus(must(CORPORA[seed % CORPORA.length], "a corpus"));
  const fuzz = new BinlogFuzz(corpus, seededRandom(seed));
  const { wrong, mutations } = await fuzz.run(FUZZ_MUTATIONS);
  const name = `damaged events of ${corpus.name}`;
  const verdict = verdictOf({ wrong, isJudged: true });
  await report({ part: "fuzz", seed, name, verdict, wrong, kills: 0, rows: 0, values: 0, mutations }, null);
}
