import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Instants of a Hudi timeline that were begun and are not completed, by the names of its files. */
export function pendingInstants(names: readonly string[]): readonly string[] {
  const begun = names.flatMap((name) => /^(\d{17})\.(?:commit\.requested|inflight)$/.exec(name)?.[1] ?? []);
  const completed = new Set(names.flatMap((name) => /^(\d{17})\.commit$/.exec(name)?.[1] ?? []));
  return [...new Set(begun)].filter((instant) => !completed.has(instant)).sort();
}

export interface PendingCommit {
  /** `shop.orders`. */
  readonly table: string;
  readonly instant: string;
}

/** Commits that are under way now, or were when their writer died. */
export function pendingCommits(
  lakeDir: string,
  database: string,
  tables: readonly string[],
): readonly PendingCommit[] {
  return tables.flatMap((table) =>
    pendingInstants(readdirSync(join(lakeDir, database, table, ".hoodie"))).map((instant) => ({
      table: `${database}.${table}`,
      instant,
    })),
  );
}
