import { availableParallelism } from "node:os";
import { join } from "node:path";
import { LakeDatabase } from "../lake/duckdb.ts";
import { removeTable } from "../lake/remove-table.ts";
import { listTables } from "../lake/table-reader.ts";
import { EXIT, syncError } from "../types/errors.ts";
import { formatTableId } from "../types/table-id.ts";
import { nearest } from "../util/nearest.ts";
import type { CommandContext, RemoveOptions } from "./command.ts";
import { isMeant } from "./lake-tables.ts";
import { forgetStops } from "./stop-register.ts";

/** `tallylake remove`: takes tables out of the lake. They are named one by one; nothing goes by a pattern. */
export async function removeCommand(context: CommandContext, { tables }: RemoveOptions): Promise<number> {
  const { config, out, log } = context;
  const there = await listTables(config.lakeDir);
  const names = there.map(formatTableId);
  const unknown = tables.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, names);
    throw syncError("LAKE_TABLE_MISSING", `the lake has no table ${unknown}; nothing was removed`, {
      hint: meant === null ? `its tables lie in ${config.lakeDir}` : `did you mean ${meant}?`,
    });
  }
  const db = await LakeDatabase.open({
    memoryBytesMax: config.memory.duckdbBytes,
    threads: availableParallelism(),
    tempDir: join(config.stateDir, "tmp"),
  });
  try {
    for (const id of there.filter((one) => tables.includes(formatTableId(one)))) {
      await removeTable(db, config.lakeDir, id);
      await forgetStops(config.stateDir, id, log);
      const isBack = isMeant(config, id);
      out.write(
        `${formatTableId(id)} is removed from the lake${isBack ? "; `tallylake init` takes it anew unless `exclude` names it" : ""}\n`,
      );
    }
  } finally {
    await db.close();
  }
  return EXIT.ok;
}
