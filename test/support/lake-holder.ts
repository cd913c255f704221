/**
 * A process of its own that opens the table `shop.t` and says so: `node lake-holder.ts <folder>`. A line
 * `commit` makes it commit what it has, which is nothing. It ends with its input.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LakeDatabase } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import { isSyncError } from "../../src/types/errors.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { must } from "../../src/util/assert.ts";
import { Log } from "../../src/util/log.ts";
import { SIMPLE_SCHEMA } from "./batch.ts";

const folder = process.argv[2] ?? "";

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const reason = (error: unknown): string =>
  isSyncError(error) ? `${error.code} ${error.message}` : String(error);

async function serve(table: LakeTable): Promise<void> {
  say("open");
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "commit") continue;
    const checkpoint = must(table.checkpoint, "the checkpoint of a table with a commit");
    say(
      await table
        .commit({ checkpoint, counts: [] })
        .then(({ instant }) => `committed ${instant}`)
        .catch(reason),
    );
  }
  await table.close();
}

const db = await LakeDatabase.open({
  memoryBytesMax: 64 << 20,
  threads: 1,
  tempDir: join(folder, "temp-of-holder"),
});
const opened = openHudiTable({
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
await opened.then(serve).catch((error: unknown) => say(reason(error)));
await db.close();
