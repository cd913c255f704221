/**
 * Which tables' rows are published for those who begin with nothing, and which are to be: decided from the newest plan.
 *
 * The rows of a table are read from the lake, at a position P of the source that is not before the one H where capture
 * goes on, and every change behind H follows them in the topics. So whoever takes them in order ends with the table as it
 * is: a row that changed between H and P is there as it became, and becomes so once more. Were P before H, the changes in
 * between would stand in front of a row that is older than they are. So the rows of a table that stands behind H begin a
 * new generation, at the oldest table.
 *
 * What is published is forgotten when the topics may not have it any more, and when the table is another one: it has
 * other columns, or was taken anew.
 */
import type { DueSnapshot } from "../../types/ports.ts";
import { tableKey } from "../../types/table-id.ts";
import type { TableSchema } from "../../types/table-schema.ts";
import type { PlanRecord, PublishedSnapshot } from "./position-record.ts";

/** The instant of the first commit of each table, by `tableKey`. */
export type FirstInstants = ReadonlyMap<string, string>;

/** What of a plan's snapshots still counts for these tables; nothing where none are asked for. */
export function standingSnapshots(
  plan: PlanRecord,
  tables: readonly TableSchema[],
  firsts: FirstInstants | null,
): readonly PublishedSnapshot[] {
  if (firsts === null) return [];
  const planned = new Map(plan.tables.map(({ table, version }) => [tableKey(table), version]));
  const versions = new Map(tables.map(({ id, version }) => [tableKey(id), version]));
  return plan.snapshots.filter(({ table, instant }) => {
    const key = tableKey(table);
    const version = versions.get(key);
    const first = firsts.get(key);
    // What it was while it was not captured, nobody knows.
    const isSame = version !== undefined && planned.get(key) === version;
    return isSame && first !== undefined && instant >= first;
  });
}

/** Tables that are to be published, or further. */
export function dueSnapshots(
  tables: readonly TableSchema[],
  snapshots: readonly PublishedSnapshot[],
): readonly DueSnapshot[] {
  const known = new Map(snapshots.map((snapshot) => [tableKey(snapshot.table), snapshot]));
  return tables.flatMap((schema): readonly DueSnapshot[] => {
    const found = known.get(tableKey(schema.id));
    if (found === undefined) return [{ schema, begun: null }];
    return found.isDone ? [] : [{ schema, begun: { instant: found.instant, rows: found.rows } }];
  });
}

/** With the one of its table replaced. */
export const withSnapshot = (
  snapshots: readonly PublishedSnapshot[],
  snapshot: PublishedSnapshot,
): readonly PublishedSnapshot[] => [
  ...snapshots.filter(({ table }) => tableKey(table) !== tableKey(snapshot.table)),
  snapshot,
];
