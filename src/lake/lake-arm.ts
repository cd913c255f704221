import { EMPTY_DIGEST } from "../types/digest.ts";
import { transactionLanes } from "../types/event-hash.ts";
import type { HopCount } from "../types/hop-count.ts";
import { literal, type LakeDatabase } from "./duckdb.ts";
import { withEventHash } from "./event-hash-sql.ts";
import { eventGroup } from "./lake-counts.ts";
import type { TableReader } from "./table-reader.ts";

/** What the files of a commit hold, or why that cannot be said any more. */
export type LakeArm =
  | { readonly state: "available"; readonly counts: readonly HopCount[] }
  | { readonly state: "unavailable"; readonly reason: string };

/**
 * Counts the rows that carry an instant in the files which that instant wrote, with the digest of their event
 * ids. It trusts the timeline for the list of files and nothing else: not the counts of the commit.
 */
export async function countLakeRows(db: LakeDatabase, table: TableReader, instant: string): Promise<LakeArm> {
  const { files, isComplete } = await table.filesOf(instant);
  if (!isComplete) return { state: "unavailable", reason: "its files were replaced and cleaned away" };
  const total = await countRows(db, table, instant);
  if (files.length === 0) return { state: "available", counts: total };
  const rows =
    `SELECT _tl_txn, _tl_n, _tl_op, _tl_ts_ms FROM read_parquet([${files.map(literal).join(", ")}]) ` +
    `WHERE _hoodie_commit_time = ${literal(instant)}`;
  const lanes = `arm_lanes_${db.nextTableNumber()}`;
  return db.use(async (sql) => {
    const transactions = await sql.rows(`SELECT DISTINCT _tl_txn FROM (${rows})`);
    await sql.run(`CREATE TEMP TABLE ${lanes} (txn VARCHAR, high UBIGINT, low UBIGINT)`);
    try {
      for (let i = 0; i < transactions.length; i += LANES_AT_ONCE) {
        const values = transactions.slice(i, i + LANES_AT_ONCE).map(([txn]) => {
          const { high, low } = transactionLanes(String(txn), table.id);
          return `(${literal(String(txn))}, ${high}, ${low})`;
        });
        await sql.run(`INSERT INTO ${lanes} VALUES ${values.join(", ")}`);
      }
      const hashed = withEventHash(
        `SELECT r._tl_n AS n, r._tl_op AS op, r._tl_ts_ms AS ts_ms, x.high, x.low FROM (${rows}) r JOIN ${lanes} x ON x.txn = r._tl_txn`,
      );
      const groups = await sql.rows(
        `SELECT true, true, ts_ms // 60000, count(*), sum(hash), bit_xor(hash), 0 FROM (${hashed}) GROUP BY 3`,
      );
      const counts = groups.map(eventGroup).map(({ minute, rows: count, ids }) => ({
        hop: "lake" as const,
        class: "upserted" as const,
        minute,
        rows: count,
        ids,
        content: null,
      }));
      return { state: "available", counts: [...counts, ...total] };
    } finally {
      await sql.run(`DROP TABLE IF EXISTS ${lanes}`);
    }
  });
}

/**
 * Rows of the table as of an instant, by the footers of its files; nothing once a slice that belonged to it may
 * have been cleaned away, which can be excluded for the newest instant alone.
 */
async function countRows(
  db: LakeDatabase,
  table: TableReader,
  instant: string,
): Promise<readonly HopCount[]> {
  if ((await table.instants()).at(-1) !== instant) return [];
  const { files } = await table.snapshot(instant);
  const paths = files.map(literal).join(", ");
  const [row] =
    files.length === 0
      ? [[0]]
      : await db.use((sql) =>
          sql.rows(`SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata([${paths}])`),
        );
  return [
    {
      hop: "lake",
      class: "rows_after",
      minute: 0,
      rows: Number(row?.[0] ?? 0),
      ids: EMPTY_DIGEST,
      content: null,
    },
  ];
}

const LANES_AT_ONCE = 5000;
