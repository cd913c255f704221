/**
 * Snapshot chunks between the reading from MySQL and the table's first commit: each becomes a Parquet file,
 * durable under the name that the caller keeps in its manifest. What the rows were staged for (schema, buckets,
 * policy) stands in the file, so that a later run cannot load them as something else.
 */
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import type { StagedChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import { literal, type LakeDatabase } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { isSorted, typedRelation, untypedRelation, type RowRelation } from "./row-relation.ts";
import type { RowShape } from "./row-shape.ts";
import { columnSource, type SourceField } from "./row-source.ts";

/** A chunk as it is loaded, with what its file says about itself. */
export interface LoadableChunk {
  readonly index: number;
  readonly file: string;
  readonly rows: number;
  readonly readAtMs: number;
}

/** What stands beside a row of a chunk. */
export const CHUNK_FIELDS: readonly SourceField[] = [
  { name: "n", type: "BIGINT", form: "int64", column: "_tl_n" },
  { name: "k", type: "INTEGER", form: "int32", column: "_tl_chunk" },
  { name: "t", type: "BIGINT", form: "int64", column: "_tl_ts_ms" },
];

/** Where the facts stand in the metadata of a staged file. */
export const CHUNK_KEY = "tallylake.chunk";

const chunkJson = z.strictObject({
  table: z.string(),
  schema: z.string(),
  buckets: z.number(),
  zeroDates: z.string(),
  isSorted: z.boolean(),
  index: z.number(),
  readAtMs: z.number(),
});

export const chunkFacts = (
  shape: RowShape,
  { index, readAtMs }: { readonly index: number; readonly readAtMs: number },
): string =>
  JSON.stringify({
    table: formatTableId(shape.schema.id),
    schema: shape.schema.version,
    buckets: shape.buckets,
    zeroDates: shape.zeroDates,
    isSorted: isSorted(shape),
    index,
    readAtMs,
  } satisfies z.infer<typeof chunkJson>);

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
          `SELECT decode(value), (SELECT sum(num_rows) FROM parquet_file_metadata(${path})) FROM parquet_kv_metadata(${path}) WHERE decode(key) = ${literal(CHUNK_KEY)}`,
        )
        .catch((error: unknown) => {
          throw error instanceof DuckFailure ? wrongChunk(file, error.message, error) : error;
        });
      const text = String(found[0]?.[0]);
      const facts = chunkJson.safeParse(parseJson(text));
      const expected = facts.success ? chunkFacts(shape, { index, readAtMs: facts.data.readAtMs }) : null;
      if (!facts.success || text !== expected) throw wrongChunk(file, `it was staged as ${text}`);
      if (Number(found[0]?.[1]) !== rows) {
        throw wrongChunk(file, `it has ${String(found[0]?.[1])} rows instead of ${rows}`);
      }
      loadable.push({ index, file, rows, readAtMs: facts.data.readAtMs });
    }
    return loadable;
  });
}

/** The rows of staged chunks; null where there are none. */
export function chunkRelation(shape: RowShape, chunks: readonly LoadableChunk[] | null): RowRelation | null {
  if (chunks === null || chunks.length === 0) return null;
  const files = chunks.map((chunk) => chunk.file);
  return isSorted(shape)
    ? typedRelation(files, shape)
    : untypedRelation(shape, columnSource(shape, { files, fields: CHUNK_FIELDS }));
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
