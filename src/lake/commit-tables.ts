import { snapshotTransactionId, transactionLanes } from "../types/event-hash.ts";
import type { StagedChanges } from "./change-stage.ts";
import { chunkRelation, type LoadableChunk } from "./chunk-stage.ts";
import type { LakeDatabase, Sql } from "./duckdb.ts";
import { eventGroup, type EventGroup } from "./lake-counts.ts";
import type { RowShape } from "./row-shape.ts";
import type { RowSource } from "./row-source.ts";
import { createWinners, selectChangeCounts, selectSnapshotCounts, selectTouched } from "./upsert.ts";
import { explainFailure } from "./value-check.ts";

export interface CommitRows {
  readonly shape: RowShape;
  /** Null when nothing was appended. */
  readonly changes: StagedChanges | null;
  /** Of the first commit, those that have rows; null for every other. */
  readonly chunks: readonly LoadableChunk[] | null;
}

/** What is known of a commit before its first file is written. */
export interface PreparedRows {
  /** Table of DuckDB with the last change of each key; null without changes. */
  readonly winners: string | null;
  /** By bucket: keys that are upserted and deleted. */
  readonly touched: ReadonlyMap<number, { readonly upserts: number; readonly deletes: number }>;
  /** What became of every change and snapshot row. */
  readonly groups: readonly EventGroup[];
}

/** Lends the prepared rows for the time of the work, and drops the tables behind them afterwards. */
export async function withPreparedRows<T>(
  db: LakeDatabase,
  rows: CommitRows,
  work: (prepared: PreparedRows) => Promise<T>,
): Promise<T> {
  const number = db.nextTableNumber();
  const winners = rows.changes === null ? null : `winners_${number}`;
  const lanes = `lanes_${number}`;
  try {
    return await work(await db.use((sql) => prepare(sql, rows, { winners, lanes })));
  } finally {
    await db.use(async (sql) => {
      await sql.run(`DROP TABLE IF EXISTS winners_${number}`);
      await sql.run(`DROP TABLE IF EXISTS ${lanes}`);
    });
  }
}

async function prepare(
  sql: Sql,
  { shape, changes, chunks }: CommitRows,
  names: { readonly winners: string | null; readonly lanes: string },
): Promise<PreparedRows> {
  const { winners, lanes } = names;
  const touched = new Map<number, { readonly upserts: number; readonly deletes: number }>();
  const groups: EventGroup[] = [];
  if (changes !== null && winners !== null) {
    await explained(sql, { shape, source: changes.relation.unchecked }, async () => {
      await sql.run(createWinners(winners, changes));
      for (const [bucket, upserts, deletes] of await sql.rows(selectTouched(winners))) {
        touched.set(Number(bucket), { upserts: Number(upserts), deletes: Number(deletes) });
      }
      groups.push(...(await sql.rows(selectChangeCounts(winners, changes))).map(eventGroup));
    });
  }
  const loaded = chunkRelation(shape, chunks);
  if (chunks !== null && loaded !== null) {
    await explained(sql, { shape, source: loaded.unchecked }, async () => {
      await sql.run(createLanes(lanes, shape, chunks));
      const counts = selectSnapshotCounts(shape, { chunks: loaded, lanes, winners });
      groups.push(...(await sql.rows(counts)).map(eventGroup));
    });
  }
  return { winners, touched, groups };
}

/** The counting looks at every value that may not fit; where nobody did before, this is where one is found. */
async function explained(
  sql: Sql,
  { shape, source }: { readonly shape: RowShape; readonly source: RowSource | null },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw source === null ? error : await explainFailure(sql, error, { shape, source });
  }
}

/** The hash lanes of each chunk's rows. */
function createLanes(table: string, shape: RowShape, chunks: readonly LoadableChunk[]): string {
  const values = chunks.map(({ index }) => {
    const { high, low } = transactionLanes(snapshotTransactionId(index), shape.schema.id);
    return `(${index}, ${high}, ${low})`;
  });
  return (
    `CREATE TABLE ${table} AS SELECT CAST(chunk AS INTEGER) AS chunk, CAST(high AS UBIGINT) AS high, ` +
    `CAST(low AS UBIGINT) AS low FROM (VALUES ${values.join(", ")}) v(chunk, high, low)`
  );
}
