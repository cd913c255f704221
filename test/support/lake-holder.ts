/** A process of its own that opens a table and says so: `node lake-holder.ts <folder>`. Ends with its stdin. */
import { join } from "node:path";
import { LakeDatabase } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { Log } from "../../src/util/log.ts";
import { SIMPLE_SCHEMA } from "./batch.ts";

const folder = process.argv[2] ?? "";
const db = await LakeDatabase.open({
  memoryBytesMax: 64 << 20,
  threads: 1,
  tempDir: join(folder, "temp-of-holder"),
});
try {
  const table = await openHudiTable({
    db,
    lakeDir: join(folder, "lake"),
    id: SIMPLE_SCHEMA.id,
    identity: { source: "shop", epoch: 1 },
    schema: SIMPLE_SCHEMA,
    zeroDates: "null",
    buckets: 2,
    now: Date.now,
    log: new Log({ level: "error", format: "text", now: Date.now, write: () => undefined }),
  });
  process.stdout.write("open\n");
  await new Promise((resolve) => process.stdin.resume().once("end", resolve));
  await table.close();
} catch (error) {
  process.stdout.write(`${isSyncError(error) ? `${error.code} ${error.message}` : String(error)}\n`);
}
await db.close();
