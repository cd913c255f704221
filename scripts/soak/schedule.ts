/** What is run when nothing else is asked for. */
export const PARTS = ["crash", "snapshot", "values", "ddl", "fuzz"] as const;
/** The last one only when it is asked for: it needs a Kafka. */
export const ALL_PARTS = [...PARTS, "kafka"] as const;
export type Part = (typeof ALL_PARTS)[number];

export const isPart = (text: string): text is Part => (ALL_PARTS as readonly string[]).includes(text);

/** Of the time. */
const SHARES: Readonly<Record<Part, number>> = {
  crash: 0.3,
  snapshot: 0.2,
  values: 0.1,
  ddl: 0.2,
  fuzz: 0.2,
  kafka: 0.5,
};

export const SNAPSHOT_RUNS_MIN = 30;
/** Damaged events in a run of the part `fuzz`, and as many runs as make ten million of them. */
export const FUZZ_MUTATIONS = 250_000;
const FUZZ_RUNS_MIN = 40;
const FUZZ_MINUTES = 1.5;
/** In a run of the part `kafka`. */
export const KAFKA_FAULTS = 20;
/** The clients take turns, and each is to meet 200 faults; of those that are drawn a few find nobody to happen to. */
const KAFKA_RUNS_MIN = 24;
const KAFKA_MINUTES = 2.5;

/** How many runs of a part are made, even past the time; a soak that is short is not to become a long one. */
export function runsMin(part: Part, minutes: number): number {
  if (part === "kafka") return Math.min(KAFKA_RUNS_MIN, Math.ceil(minutes / KAFKA_MINUTES));
  if (part === "fuzz") return Math.min(FUZZ_RUNS_MIN, Math.ceil(minutes / FUZZ_MINUTES));
  if (part !== "snapshot") return 1;
  return Math.min(SNAPSHOT_RUNS_MIN, Math.ceil(minutes));
}

/** What a part has had so far. */
export interface PartUse {
  readonly part: Part;
  readonly runs: number;
  readonly ms: number;
}

/**
 * Whose turn it is: the part that is furthest behind its share of the time, and when the time is over, one that
 * has not had its minimum; null at the end.
 */
export function nextPart(
  uses: readonly PartUse[],
  { minutes, elapsedMs }: { readonly minutes: number; readonly elapsedMs: number },
): Part | null {
  const isOver = elapsedMs >= minutes * 60_000;
  const open = isOver ? uses.filter(({ part, runs }) => runs < runsMin(part, minutes)) : uses;
  const [first] = open.toSorted((a, b) => a.ms / SHARES[a.part] - b.ms / SHARES[b.part]);
  return first?.part ?? null;
}
