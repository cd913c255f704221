import type { CountClass, HopCount } from "../types/hop-count.ts";
import type { TraceRecord } from "../types/ports.ts";
import {
  compare,
  minus,
  sumOf,
  withoutSides,
  type Comparison,
  type EquationName,
  type EquationResult,
} from "./equation.ts";
import { joinPositions } from "./position-join.ts";
import { hasClass } from "./totals.ts";

/** Counts of an independent arm for one commit, or why there are none. */
export type ArmCounts =
  | { readonly state: "available"; readonly counts: readonly HopCount[] }
  | { readonly state: "unavailable"; readonly reason: string };

/** `over`: the counts of all commits that the source's counts are of. */
export type SourceCounts =
  | { readonly state: "available"; readonly counts: readonly HopCount[]; readonly over: readonly HopCount[] }
  | { readonly state: "unavailable"; readonly reason: string };

export interface CommitFacts {
  /** Of the commit, those of the hops before the lake included. */
  readonly record: TraceRecord;
  readonly counts: readonly HopCount[];
  /** The commit before it; null when it is not among what is compared. */
  readonly before: { readonly record: TraceRecord; readonly counts: readonly HopCount[] } | null;
  /** Null when it is compared together with a later commit. */
  readonly source: SourceCounts | null;
  readonly lake: ArmCounts;
}

const CHANGES: readonly CountClass[] = ["c", "u", "d"];
const OUTCOMES: readonly CountClass[] = ["applied", "superseded", "filtered", "rolled_back"];

const changes = (name: EquationName, hop: Comparison["hop"]): Comparison => ({ name, hop, by: "changes" });
const operations = (name: EquationName, hop: Comparison["hop"]): Comparison => ({
  name,
  hop,
  by: "operations",
});
const rows = (name: EquationName, hop: Comparison["hop"]): Comparison => ({ name, hop, by: "rows" });

/** Every equation of one commit, in the order of the path. */
export function commitEquations(facts: CommitFacts): readonly EquationResult[] {
  const { counts } = facts;
  const apply = sumOf(counts, { hop: "apply", plus: OUTCOMES });
  return [
    positionsJoin(facts),
    ...(facts.source === null ? [] : [sourceEquation(facts.source)]),
    ...channelEquations(counts),
    compare(
      changes("consume = dedup", "dedup"),
      sumOf(counts, { hop: "consume", plus: CHANGES }),
      sumOf(counts, { hop: "dedup", plus: ["new", "duplicate"] }),
    ),
    compare(
      changes("dedup = apply", "apply"),
      sumOf(counts, { hop: "capture", plus: ["r"] }, { hop: "dedup", plus: ["new"] }),
      apply,
    ),
    compare(
      changes("apply = commit", "commit"),
      sumOf(counts, { hop: "apply", plus: ["applied"] }),
      sumOf(counts, { hop: "commit", plus: ["upserted"] }, { hop: "apply", plus: ["deleted"] }),
    ),
    compare(
      rows("commit = rows written", "commit"),
      sumOf(counts, { hop: "commit", plus: ["upserted"] }),
      sumOf(counts, { hop: "commit", plus: ["inserted", "updated"] }),
    ),
    rowsJoin(facts),
    rowsAddUp(counts),
    ...lakeEquations(facts),
  ];
}

/** Without Kafka there is no `produce`, and consume follows capture. */
function channelEquations(counts: readonly HopCount[]): readonly EquationResult[] {
  const capture = sumOf(counts, { hop: "capture", plus: CHANGES });
  const produce = sumOf(counts, { hop: "produce", plus: CHANGES });
  const consume = sumOf(counts, { hop: "consume", plus: CHANGES });
  if (produce.terms.length === 0)
    return [compare(operations("capture = consume", "consume"), capture, consume)];
  return [
    compare(operations("capture = produce", "produce"), capture, produce),
    compare(operations("produce = consume", "consume"), produce, consume),
  ];
}

/** The source has each change once; capture may have read some again, which dedup then names. */
function sourceEquation(source: SourceCounts): EquationResult {
  const equation = operations("source = capture", "capture");
  if (source.state === "unavailable") return withoutSides(equation, "unchecked", source.reason);
  return compare(
    equation,
    sumOf(source.counts, { hop: "source", plus: CHANGES }),
    minus(sumOf(source.over, { hop: "capture", plus: CHANGES }), source.over, "dedup", "duplicate"),
  );
}

function positionsJoin({ record, before }: CommitFacts): EquationResult {
  const equation = { name: "positions join", hop: "commit" } as const;
  if (before === null) return withoutSides(equation, "unchecked", "the commit before is not in this report");
  if (record.fromGtids === "") return withoutSides(equation, "unchecked", "the table begins anew here");
  const joint = joinPositions(before.record.toGtids, record.fromGtids);
  return {
    ...withoutSides(equation, joint.verdict, joint.note),
    differs: joint.verdict === "match" ? null : "positions",
  };
}

const hasRows = (counts: readonly HopCount[]): boolean =>
  hasClass(counts, "commit", "rows_before") && hasClass(counts, "commit", "rows_after");

const NO_ROWS = "the commit does not say how many rows the table had";

/** A table that begins anew begins empty, whatever was there before. */
function rowsJoin({ record, counts, before }: CommitFacts): EquationResult {
  const equation = rows("rows join", "commit");
  if (!hasRows(counts)) return withoutSides(equation, "inconclusive", NO_ROWS);
  const here = sumOf(counts, { hop: "commit", plus: ["rows_before"] });
  if (record.fromGtids === "") return compare(equation, sumOf([]), here);
  if (before === null) return withoutSides(equation, "unchecked", "the commit before is not in this report");
  if (!hasRows(before.counts)) return withoutSides(equation, "inconclusive", NO_ROWS);
  return compare(equation, sumOf(before.counts, { hop: "commit", plus: ["rows_after"] }), here);
}

function rowsAddUp(counts: readonly HopCount[]): EquationResult {
  const equation = rows("rows add up", "commit");
  if (!hasRows(counts)) return withoutSides(equation, "inconclusive", NO_ROWS);
  return compare(
    equation,
    minus(sumOf(counts, { hop: "commit", plus: ["rows_before", "inserted"] }), counts, "commit", "deleted"),
    sumOf(counts, { hop: "commit", plus: ["rows_after"] }),
  );
}

function lakeEquations({ lake, counts }: CommitFacts): readonly EquationResult[] {
  const written = changes("commit = lake", "lake");
  const total = rows("rows = lake", "lake");
  if (lake.state === "unavailable") {
    return [written, total].map((equation) => withoutSides(equation, "unchecked", lake.reason));
  }
  return [
    compare(
      written,
      sumOf(counts, { hop: "commit", plus: ["upserted"] }),
      sumOf(lake.counts, { hop: "lake", plus: ["upserted"] }),
    ),
    hasClass(lake.counts, "lake", "rows_after")
      ? compare(
          total,
          sumOf(counts, { hop: "commit", plus: ["rows_after"] }),
          sumOf(lake.counts, { hop: "lake", plus: ["rows_after"] }),
        )
      : withoutSides(total, "unchecked", "the rows of the table were not counted at this commit"),
  ];
}
