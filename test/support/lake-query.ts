import { join } from "node:path";
import { LakeQuery, type LakeQueryOptions } from "../../src/lake/query.ts";
import { listTables } from "../../src/lake/table-reader.ts";
import { isSyncError } from "../../src/types/errors.ts";
import type { TestLake } from "./lake.ts";

export type AskOptions = Partial<Pick<LakeQueryOptions, "asOf" | "quiet" | "signal" | "tables">>;

/** Opens a query on the lake of a test, and closes it behind `use`. */
export async function withQuery<T>(
  lake: Pick<TestLake, "lakeDir" | "dir">,
  sql: string,
  use: (query: LakeQuery) => Promise<T>,
  options: AskOptions = {},
): Promise<T> {
  const query = await LakeQuery.open({
    lakeDir: lake.lakeDir,
    tables: await listTables(lake.lakeDir),
    sql,
    asOf: null,
    quiet: async () => new Map(),
    limits: { memoryBytesMax: 256 << 20, threads: 2, tempDir: join(lake.dir, "query-temp") },
    signal: new AbortController().signal,
    ...options,
  });
  try {
    return await use(query);
  } finally {
    await query.close();
  }
}

/** All rows as texts, as `--format table` shows them. */
export const askCells = (
  lake: Pick<TestLake, "lakeDir" | "dir">,
  sql: string,
  options: AskOptions = {},
): Promise<readonly (readonly (string | null)[])[]> =>
  withQuery(lake, sql, async (query) => (await Array.fromAsync(query.cells())).flat(), options);

/** Code, message and remedy of the error that a query ends with; null when it does not. */
export async function askFailure(
  lake: Pick<TestLake, "lakeDir" | "dir">,
  sql: string,
  options: AskOptions = {},
): Promise<readonly [string, string, string] | null> {
  try {
    await askCells(lake, sql, options);
    return null;
  } catch (error) {
    if (isSyncError(error)) return [error.code, error.message, error.hint];
    throw error;
  }
}
