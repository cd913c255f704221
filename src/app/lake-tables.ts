import { listTables } from "../lake/table-reader.ts";
import type { TableId } from "../types/table-id.ts";
import { matchesTable } from "../types/table-pattern.ts";
import type { Config } from "./config.ts";

/** Tables of the lake that the config means. */
export async function lakeTables(
  config: Pick<Config, "lakeDir" | "tables" | "exclude">,
): Promise<readonly TableId[]> {
  return (await listTables(config.lakeDir)).filter((id) => isMeant(config, id));
}

export const isMeant = ({ tables, exclude }: Pick<Config, "tables" | "exclude">, id: TableId): boolean =>
  tables.some((pattern) => matchesTable(pattern, id)) &&
  !exclude.some((pattern) => matchesTable(pattern, id));
