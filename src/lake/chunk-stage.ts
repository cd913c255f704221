/**
 * Snapshot chunks between the reading from MySQL and the table's first commit: each becomes a Parquet file
 * with typed rows, durable under the name that the caller keeps in its manifest. What the rows were staged
 * for (schema, buckets, policy) stands in the file, so that a later run cannot load them as something else.
 */
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import type { StagedChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import { step } from "../util/step.ts";
import { identifier, literal, type LakeDatabase, type Sql } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { LINE_BYTES_USUAL, selectRows, SNAPSHOT_FIELDS, type LineFile } from "./row-sql.ts";
import type { RowShape } from "./row-shape.ts";
import { LocalStorage, TEMP_PREFIX } from "./storage-local.ts";
import { stagedLayout } from "./parquet-options.ts";
import { longestLine } from "./scratch-file.ts";
import { explainFailure } from "./value-check.ts";

/** A chunk as capture wrote it. */
export interface ChunkLines {
  readonly index: number;
  /** Path of the file of lines. */
  readonly lines: string;
  readonly readAtMs: number;
}

/** A chunk as it is loaded, with what its file says about itself. */
export interface LoadableChunk {
  readonly index: number;
  readonly file: string;
  readonly rows: number;
  readonly readAtMs: number;
}

const KEY = "tallylake.chunk";

const chunkJson = z.strictObject({
  table: z.string(),
  schema: z.string(),
  buckets: z.number(),
  zeroDates: z.string(),
  index: z.number(),
  readAtMs: z.number(),
});

const chunkFacts = (shape: RowShape, chunk: Omit<ChunkLines, "lines">): z.infer<typeof chunkJson> => ({
  table: formatTableId(shape.schema.id),
  schema: shape.schema.version,
  buckets: shape.buckets,
  zeroDates: shape.zeroDates,
  index: chunk.index,
  readAtMs: chunk.readAtMs,
});

/** Makes the staged file of a chunk. Repeating it replaces the file as a whole. */
export async function stageChunk(
  db: LakeDatabase,
  shape: RowShape,
  chunk: ChunkLines & { readonly target: string },
): Promise<StagedChunk> {
  const folder = dirname(chunk.target);
  const storage = new LocalStorage(folder);
  const temp = join(folder, `${TEMP_PREFIX}${randomBytes(6).toString("hex")}`);
  step("lake.chunk.begin");
  try {
    const rows = await db.use((sql) => writeChunk(sql, shape, { ...chunk, temp }));
    step("lake.chunk.written");
    await storage.adopt(temp, chunk.target);
    await storage.syncFolder(folder);
    step("lake.chunk.durable");
    return { index: chunk.index, file: chunk.target, rows };
  } catch (error) {
    await storage.remove(temp);
    throw error;
  }
}

/**
 * How long the lines are is not known. One that does not fit the reader's usual buffer is rare, so it costs
 * a second try.
 */
async function writeChunk(
  sql: Sql,
  shape: RowShape,
  chunk: ChunkLines & { readonly temp: string },
): Promise<number> {
  let file: LineFile = { path: chunk.lines, lineBytesMax: 0 };
  try {
    try {
      return await sql.run(copyChunk(shape, file, chunk));
    } catch (error) {
      if (!(error instanceof DuckFailure)) throw error;
      file = { path: chunk.lines, lineBytesMax: await longestLine(chunk.lines) };
      if (file.lineBytesMax <= LINE_BYTES_USUAL) throw error;
      return await sql.run(copyChunk(shape, file, chunk));
    }
  } catch (error) {
    throw await explainFailure(sql, error, { shape, file, fields: SNAPSHOT_FIELDS });
  }
}

function copyChunk(shape: RowShape, file: LineFile, chunk: ChunkLines & { readonly temp: string }): string {
  const columns = [
    ...shape.columns.map((column) => identifier(column.name)),
    "_tl_n",
    "_tl_bucket",
    "_tl_zeros",
  ];
  const layout = stagedLayout(shape.buckets);
  const select =
    `SELECT ${columns.join(", ")}, CAST(${chunk.index} AS INTEGER) AS _tl_chunk, CAST(${chunk.readAtMs} AS BIGINT) AS _tl_ts_ms ` +
    `FROM (${selectRows(shape, file, SNAPSHOT_FIELDS)})${layout.orderBy}`;
  const options = [
    ...layout.options,
    // It is written once, flushed, and read once: snappy costs the least in all.
    "COMPRESSION snappy",
    `KV_METADATA {${literal(KEY)}: ${literal(JSON.stringify(chunkFacts(shape, chunk)))}}`,
  ];
  return `COPY (${select}) TO ${literal(chunk.temp)} (${options.join(", ")})`;
}

/** Checks that the staged files are those of this table, and how many rows they have. */
export async function loadableChunks(
  db: LakeDatabase,
  shape: RowShape,
  chunks: readonly StagedChunk[],
): Promise<readonly LoadableChunk[]> {
  return db.use(async (sql) => {
    const loadable: LoadableChunk[] = [];
    for (const { index, file, rows } of chunks) {
      const path = literal(file);
      const found = await sql
        .rows(
          `SELECT decode(value), (SELECT sum(num_rows) FROM parquet_file_metadata(${path})) FROM parquet_kv_metadata(${path}) WHERE decode(key) = ${literal(KEY)}`,
        )
        .catch((error: unknown) => {
          throw error instanceof DuckFailure ? wrongChunk(file, error.message, error) : error;
        });
      const text = String(found[0]?.[0]);
      const facts = chunkJson.safeParse(parseJson(text));
      const expected = facts.success ? chunkFacts(shape, { index, readAtMs: facts.data.readAtMs }) : null;
      if (!facts.success || JSON.stringify(facts.data) !== JSON.stringify(expected)) {
        throw wrongChunk(file, `it was staged as ${text}`);
      }
      if (Number(found[0]?.[1]) !== rows) {
        throw wrongChunk(file, `it has ${String(found[0]?.[1])} rows instead of ${rows}`);
      }
      loadable.push({ index, file, rows, readAtMs: facts.data.readAtMs });
    }
    return loadable;
  });
}

const wrongChunk = (file: string, reason: string, cause?: unknown): Error =>
  syncError("SNAPSHOT_MANIFEST", `the staged chunk ${file} does not belong to this snapshot: ${reason}`, {
    hint: "Remove the snapshot's progress from the state folder, and run init again.",
    cause,
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
