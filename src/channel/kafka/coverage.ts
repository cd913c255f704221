/**
 * Which tables a unit of the channel brings on. Each table is judged alone, by positions: a unit continues a table
 * that holds everything before the unit, is old news to one that holds what it ends with, and leaves a hole in front
 * of any other. A hole is no error yet: a later generation may begin further back. It is one when nothing more comes.
 */
import { syncError } from "../../types/errors.ts";
import type { GtidSet } from "../../types/gtid.ts";
import type { TableStop } from "../../types/ports.ts";
import type { SourcePosition } from "../../types/source-position.ts";
import { formatTableId, resnapshotHint, tableKey } from "../../types/table-id.ts";
import type { TableSchema } from "../../types/table-schema.ts";
import type { PlacedUnit } from "./position-log.ts";

/** A table on its way through the channel. */
export interface ReaderTable {
  readonly schema: TableSchema;
  /** Offset in the position topic from which on units may bring it on. */
  readonly from: number;
  /** Everything up to here is in the table, or was delivered. */
  position: SourcePosition;
  /** Why it was not brought on by the newest unit; null when it was. */
  blocked: "uncaptured" | "hole" | null;
  /** Since when nothing more was there to bring it on; null while it is brought on. */
  blockedSinceMs: number | null;
  isStopped: boolean;
}

export type Step = "next" | "old" | "uncaptured" | "hole" | "changed";

/** What a unit that ends at `end` is to a table. */
export function stepOf(table: ReaderTable, { unit, plan }: PlacedUnit, end: GtidSet): Step {
  const key = tableKey(table.schema.id);
  const planned = plan.tables.find((entry) => tableKey(entry.table) === key);
  const { gtids } = table.position;
  if (planned === undefined) return "uncaptured";
  // A position that is written once more brings on a table that stands there, and none back that stands further on.
  if (gtids.includes(end) && !(end.equals(unit.after.gtids) && gtids.equals(end))) return "old";
  if (!gtids.includes(unit.after.gtids)) return "hole";
  return planned.version === table.schema.version ? "next" : "changed";
}

/** The stop of a table that nothing in the channel brings on. */
export function blockedStop({ schema, position, blocked }: ReaderTable, topic: string): TableStop | null {
  if (blocked === null) return null;
  const name = formatTableId(schema.id);
  const error =
    blocked === "uncaptured"
      ? syncError("TABLE_NOT_CAPTURED", `${name} is not among the tables that \`capture\` reads`, {
          hint: "start `tallylake capture` again with a config that has the table",
        })
      : syncError(
          "TABLE_CHAIN_BROKEN",
          `${topic} does not go on from where ${name} stands: ${position.gtids.toString()}`,
          { hint: "start `tallylake capture` again: it publishes anew from the tables' positions on" },
        );
  return { table: schema.id, code: error.code, message: error.message, hint: error.hint, at: position };
}

/** The stop of a table whose rows have another shape than the table in the lake. */
export const changedStop = ({ schema, position }: ReaderTable): TableStop => ({
  table: schema.id,
  code: "TABLE_SCHEMA_CHANGED",
  message: `${formatTableId(schema.id)} has other columns in the channel than in the lake`,
  hint: resnapshotHint(schema.id),
  at: position,
});
