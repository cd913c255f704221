import { TableReader } from "../lake/table-reader.ts";
import { EXIT } from "../types/errors.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import { formatCount } from "../util/units.ts";
import type { CommandContext } from "./command.ts";
import { deepCompare } from "./deep-compare.ts";
import type { Session } from "./session.ts";

/**
 * Compares the content of tables with the source behind their first commit, and says what it found. Rows that
 * change meanwhile cannot be compared; that is no failure, since `report --deep` does it again later.
 */
export async function compareFirst(
  { config, out, signal, log }: CommandContext,
  session: Session,
  ids: readonly TableId[],
): Promise<number> {
  let code: number = EXIT.ok;
  for (const id of ids) {
    const table = new TableReader(config.lakeDir, id);
    const result = await deepCompare({
      source: session.source,
      db: session.db,
      table,
      signal,
      // It is this process that has the table, and it does not follow.
      writer: async () => "absent",
    });
    const name = formatTableId(id);
    if (result.verdict === "match") {
      out.write(`${name}: ${formatCount(result.rowsLake ?? 0)} rows compared with MySQL, all equal\n`);
    } else if (result.verdict === "inconclusive") {
      out.write(
        `${name}: not all rows could be compared while they change; \`tallylake report --deep\` does it later\n`,
      );
    } else {
      log.error(`${name} differs from MySQL: ${result.verdict}`, {
        keys: result.keys.map(({ key, kind }) => `${key} ${kind}`).join("; "),
        remedy: "run `tallylake report --deep`, keep its output, and report it as a defect",
      });
      code = EXIT.mismatch;
    }
  }
  return code;
}
