/**
 * A process of its own that meets a bad disk: `node bad-disk.ts <full|read-only|files> <lake> <temp>`. The lake
 * is a small file system that only this process and its children see. It prints what became of each attempt.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LakeDatabase } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import { isSyncError } from "../../src/types/errors.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { must } from "../../src/util/assert.ts";
import { codeOf } from "../../src/util/errors.ts";
import { SIMPLE_SCHEMA } from "./batch.ts";
import { ChangeWriter } from "./change-writer.ts";
import { commitInfo, IDENTITY, latestFiles, QUIET } from "./lake.ts";

const [mode = "", lakeDir = "", tempDir = ""] = process.argv.slice(2);
const db = await LakeDatabase.open({ memoryBytesMax: 128 << 20, threads: 2, tempDir });
const writer = new ChangeWriter(SIMPLE_SCHEMA);

const open = (): Promise<LakeTable> =>
  openHudiTable({
    db,
    lakeDir,
    id: SIMPLE_SCHEMA.id,
    identity: IDENTITY,
    schema: SIMPLE_SCHEMA,
    zeroDates: "null",
    buckets: 2,
    now: Date.now,
    log: QUIET,
  });

async function attempt(name: string, work: () => Promise<unknown>): Promise<void> {
  const outcome = await work().then(
    () => "done",
    (error: unknown) => (isSyncError(error) ? error.code : String(error)),
  );
  process.stdout.write(`${name}: ${outcome}\n`);
}

/** Rows that no compression makes small. */
const append = async (table: LakeTable, rows: number): Promise<void> =>
  table.append(
    writer.batch([
      Array.from({ length: rows }, (_, i) => ({
        op: "c" as const,
        row: [String(writer.seq + i), `"${randomBytes(500).toString("hex")}"`],
      })),
    ]),
  );

async function readable(rows: number): Promise<void> {
  const files = await latestFiles(join(lakeDir, "shop", "t"));
  const list = files.map((file) => `'${file}'`).join(", ");
  const [[count] = []] = await db.use((sql) => sql.rows(`SELECT count(*) FROM read_parquet([${list}])`));
  if (count !== BigInt(rows)) throw new Error(`${String(count)} rows instead of ${rows}`);
}

const remount = (option: string): void => {
  const { status } = spawnSync("mount", ["-o", `remount,${option}`, lakeDir]);
  if (status !== 0) throw new Error(`mount ended with ${String(status)}`);
};

async function loaded(): Promise<LakeTable> {
  const table = await open();
  await append(table, 100);
  await table.load(SIMPLE_SCHEMA, [], commitInfo(writer));
  return table;
}

async function fullDisk(): Promise<void> {
  let table = await loaded();
  await append(table, 10_000);
  await attempt("commit on a disk that it fills", () => table.commit(commitInfo(writer)));
  await attempt("again without opening anew", () => table.commit(commitInfo(writer)));
  await table.close();
  await attempt("read", () => readable(100));
  table = await open();
  await append(table, 100);
  await attempt("commit of what fits", () => table.commit(commitInfo(writer)));
  await attempt("read", () => readable(200));
  const filler = join(lakeDir, "filler");
  try {
    writeFileSync(filler, Buffer.alloc(64 << 20));
  } catch (error) {
    process.stdout.write(`filler: ${codeOf(error)}\n`);
  }
  await attempt("commit on a full disk", () => table.commit(commitInfo(writer)));
  await table.close();
  await attempt("open on a full disk", open);
  await attempt("read", () => readable(200));
  rmSync(filler);
  table = await open();
  await attempt("commit with room again", () => table.commit(commitInfo(writer)));
  await table.close();
}

async function readOnlyDisk(): Promise<void> {
  let table = await loaded();
  // A mount with files that are open for writing does not become read-only.
  await table.close();
  remount("ro");
  await attempt("read", () => readable(100));
  await attempt("open", open);
  remount("rw");
  table = await open();
  await append(table, 100);
  await attempt("commit when it can be written", () => table.commit(commitInfo(writer)));
  await table.close();
}

async function fewFiles(): Promise<void> {
  let table = await loaded();
  await append(table, 100);
  const taken: number[] = [];
  const take = (): void => {
    for (;;) {
      try {
        taken.push(openSync("/dev/null", "r"));
      } catch (error) {
        if (codeOf(error) === "EMFILE") return;
        throw error;
      }
    }
  };
  const release = (): void => {
    for (const fd of taken.splice(0)) closeSync(fd);
  };
  take();
  await attempt("commit", () => table.commit(commitInfo(writer)));
  release();
  await table.close();
  take();
  await attempt("open", open);
  release();
  await attempt("read", () => readable(100));
  table = await open();
  await attempt("commit with handles", () => table.commit(commitInfo(writer)));
  await table.close();
}

const scenarios = new Map([
  ["full", fullDisk],
  ["read-only", readOnlyDisk],
  ["files", fewFiles],
]);
await must(scenarios.get(mode), "a scenario")();
await db.close();
await db.close();
