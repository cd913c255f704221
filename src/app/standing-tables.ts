/** Where the tables of the lake stand, and what keeps one of them from being followed. */
import type { Account } from "../capture/account.ts";
import { TableReader } from "../lake/table-reader.ts";
import type { Checkpoint } from "../types/checkpoint.ts";
import { isSyncError } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId, quoteMysqlTable, resnapshotHint, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import type { Config } from "./config.ts";
import { lakeTables } from "./lake-tables.ts";

export interface TableProblem extends Problem {
  readonly table: TableId;
}

/** A table of the lake as its newest commit left it; null when that cannot be read. */
export interface Standing {
  readonly id: TableId;
  readonly checkpoint: Checkpoint | null;
  readonly schema: TableSchema | null;
}

export async function standingTables(config: Config): Promise<readonly Standing[]> {
  const standing: Standing[] = [];
  for (const id of await lakeTables(config)) {
    try {
      const last = await new TableReader(config.lakeDir, id).latest();
      standing.push({ id, checkpoint: last?.checkpoint ?? null, schema: last?.schema ?? null });
    } catch (error) {
      if (!isSyncError(error)) throw error;
      standing.push({ id, checkpoint: null, schema: null });
    }
  }
  return standing;
}

/** Positions of an earlier epoch are those of a history that is over: the same numbers are others now. */
export function earlierEpochs(standing: readonly Standing[], { source }: Config): readonly TableProblem[] {
  return standing.flatMap(({ id, checkpoint }) => {
    if (checkpoint === null || checkpoint.epoch >= source.epoch) return [];
    return {
      code: "SOURCE_HISTORY_BROKEN",
      table: id,
      message: `${formatTableId(id)} is of epoch ${checkpoint.epoch} in the lake, and \`source.epoch\` is ${source.epoch}`,
      hint: resnapshotHint(id),
      severity: "error",
    };
  });
}

export const isTableProblem = (problem: Problem): problem is TableProblem =>
  problem.table !== null && problem.severity === "error";

/** A table whose first commit is still to come cannot be followed. */
export const newTable = (table: TableId): TableProblem => ({
  code: "LAKE_TABLE_MISSING",
  table,
  message: `${formatTableId(table)} has no first commit in the lake`,
  hint: "run `tallylake init`",
  severity: "error",
});

/** A table of the lake that the source does not show any more. */
export const goneTable = (table: TableId, account: Account): TableProblem => ({
  code: "TABLE_ABSENT",
  table,
  message: `${formatTableId(table)} is in the lake, and the source does not have it, or does not show it to this user`,
  hint: `GRANT SELECT ON ${quoteMysqlTable(table)} TO ${account.quoted}; or leave the table out with \`exclude\` if it was dropped`,
  severity: "error",
});

/** What of the lake concerns one table alone; any other error is thrown on. */
export function lakeProblem(table: TableId, error: unknown): TableProblem {
  if (!isSyncError(error) || !OF_ONE_LAKE_TABLE.has(error.code)) throw error;
  const { code, message, hint } = error;
  return { code, table, message, hint, severity: "error" };
}

const OF_ONE_LAKE_TABLE: ReadonlySet<string> = new Set([
  "LAKE_CORRUPT",
  "LAKE_FENCED",
  "LAKE_FOREIGN_TABLE",
  "LAKE_FOREIGN_WRITE",
]);
