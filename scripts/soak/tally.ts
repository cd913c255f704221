import { KAFKA_CLIENTS, type KafkaClientName } from "../../src/channel/kafka/driver.ts";
import { formatCount, formatDuration } from "../../src/util/units.ts";
import { ALL_PARTS, runsMin, type Part } from "./schedule.ts";

/** How a run went that was to be right. */
export type Verdict =
  | "right"
  /** The lake is not what MySQL is, or something was left behind. */
  | "divergence"
  /** The rows are right, and the report says no; look whether a change got lost that a later one hides. */
  | "false alarm"
  /** It did not come as far as the comparison. */
  | "failure";

export interface SoakRun {
  readonly part: Part;
  /** Of its turn: a soak with this seed begins with it. */
  readonly seed: number;
  /** What was run, with its kills. */
  readonly name: string;
  readonly verdict: Verdict;
  /** What is wrong, in words. */
  readonly wrong: readonly string[];
  /** Of the part `kafka`, faults of any kind. */
  readonly kills: number;
  /** Only of the part `kafka`. */
  readonly client?: KafkaClientName;
  /** Compared by the run itself, beside what the oracle compares and counts. */
  readonly rows: number;
  /** Only those of the part `values`. */
  readonly values: number;
  /** Only of the part `fuzz`. */
  readonly mutations?: number;
}

/** Counts what was done, for the lines that say so. */
export class Tally {
  readonly runs: Record<Part, number> = { crash: 0, snapshot: 0, values: 0, ddl: 0, fuzz: 0, kafka: 0 };
  readonly verdicts: Record<Verdict, number> = { right: 0, divergence: 0, "false alarm": 0, failure: 0 };
  kills = 0;
  /** Of the part `kafka`, kills among them. */
  readonly faults: Record<KafkaClientName, number> = { kafkajs: 0, librdkafka: 0 };
  rows = 0;
  values = 0;
  mutations = 0;

  add(run: SoakRun): void {
    this.runs[run.part]++;
    this.verdicts[run.verdict]++;
    if (run.client !== undefined) this.faults[run.client] += run.kills;
    else this.kills += run.kills;
    this.rows += run.rows;
    this.values += run.values;
    this.mutations += run.mutations ?? 0;
  }

  get isRight(): boolean {
    return this.verdicts.divergence + this.verdicts["false alarm"] + this.verdicts.failure === 0;
  }
}

export interface SoakState {
  readonly parts: readonly Part[];
  readonly minutes: number;
  readonly seed: number;
  readonly elapsedMs: number;
}

/** `12 runs`, `1 run`. */
const counted = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** Failures are no result of their own: they are named only when there are some. */
function verdictsText({ verdicts }: Tally): string {
  const failures = verdicts.failure === 0 ? [] : [counted(verdicts.failure, "failed run")];
  return [
    counted(verdicts.divergence, "divergence"),
    counted(verdicts["false alarm"], "false alarm"),
    ...failures,
  ].join(", ");
}

/** Of both clients together, and of each. */
function faultsText({ faults }: Tally): string {
  const sum = KAFKA_CLIENTS.reduce((total, client) => total + faults[client], 0);
  const each = KAFKA_CLIENTS.map((client) => `${formatCount(faults[client])} ${client}`);
  return `${counted(sum, "fault")} (${each.join(", ")})`;
}

/** One line while it runs. */
export function progressLine(tally: Tally, state: SoakState & { readonly part: Part | null }): string {
  const runs = ALL_PARTS.reduce((sum, part) => sum + tally.runs[part], 0);
  const done = [
    counted(runs, "run"),
    counted(tally.kills, "kill"),
    ...(tally.runs.kafka === 0 ? [] : [faultsText(tally)]),
    `${counted(tally.rows, "row")} compared`,
    verdictsText(tally),
  ];
  return `soak: ${state.part ?? "starting"}: ${done.join(", ")}; ${whatIsLeft(tally, state)}`;
}

/** Time, and behind the end of it the runs that a minimum still asks for. */
function whatIsLeft({ runs }: Tally, { parts, minutes, elapsedMs }: SoakState): string {
  const leftMs = minutes * 60_000 - elapsedMs;
  if (leftMs > 0) return `${formatDuration(Math.ceil(leftMs / 1000) * 1000)} left`;
  const missing = parts.reduce((sum, part) => sum + Math.max(0, runsMin(part, minutes) - runs[part]), 0);
  return missing === 0 ? "time is over, finishing" : `time is over, ${counted(missing, "run")} to go`;
}

/** The line that can be put into a note. `endedBy` is there when a signal did it. */
export function resultLine(tally: Tally, state: SoakState, endedBy: string | null = null): string {
  const done: Readonly<Record<Part, string>> = {
    crash: `${counted(tally.runs.crash, "crash run")} with ${counted(tally.kills, "kill")}`,
    snapshot: counted(tally.runs.snapshot, "snapshot under write", "snapshots under write"),
    values: counted(tally.values, "value"),
    ddl: counted(tally.runs.ddl, "history of changed tables", "histories of changed tables"),
    fuzz: counted(tally.mutations, "damaged event"),
    kafka: `${counted(tally.runs.kafka, "path")} through Kafka with ${faultsText(tally)}`,
  };
  const minutes = Math.round(state.elapsedMs / 60_000);
  const time = minutes === 0 ? `${Math.round(state.elapsedMs / 1000)} s` : `${minutes} min`;
  const end = endedBy === null ? "" : ` (ended by ${endedBy})`;
  const parts = state.parts.map((part) => done[part]).join(", ");
  return `soak: ${time}, seed ${state.seed}: ${parts}; ${verdictsText(tally)}${end}`;
}

/** Everything that one needs to look into a run that is not right. `kept` is the folder that is left of it. */
export function findingText(run: SoakRun, kept: string | null): string {
  return [
    `soak: ${run.verdict} in ${run.part}, seed ${run.seed}: ${run.name}`,
    ...run.wrong.map((what) => `  ${what}`),
    `  again: ${repeatCommand(run)}`,
    ...(kept === null ? [] : [`  kept:  ${kept}`]),
    "",
  ].join("\n");
}

const repeatCommand = ({ part, seed }: SoakRun): string =>
  `npm run soak -- --only ${part} --seed ${seed} --minutes 1`;
