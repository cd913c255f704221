/**
 * The work on sets of rows, as SQL: which change of a key is the last one, what becomes of each change, and
 * the merge of a bucket's old slice with its changes. No row is touched in JavaScript.
 */
import type { ColumnMapping } from "../types/column-change.ts";
import { snapshotTransactionId } from "../types/event-hash.ts";
import { must } from "../util/assert.ts";
import type { StagedChanges } from "./change-stage.ts";
import { identifier, literal, readParquet } from "./duckdb.ts";
import { withEventHash } from "./event-hash-sql.ts";
import { TRACKING_COLUMNS } from "./lake-column.ts";
import { lakeName } from "./lake-name.ts";
import { recordKeySql, sameKeySql } from "./record-key.ts";
import type { RowRelation } from "./row-relation.ts";
import type { RowShape } from "./row-shape.ts";

const keyList = (shape: RowShape): string => shape.keys.map((key) => identifier(key.name)).join(", ");

/**
 * The last change of each key: `_tl_seq`, its key, its bucket, and whether it is a delete. A delete beats
 * what came before it, so nothing but the order counts.
 */
export const createWinners = (table: string, changes: StagedChanges): string =>
  `CREATE TABLE ${table} AS SELECT ${keyList(changes.shape)}, max(_tl_seq) AS _tl_seq, ` +
  `arg_max(_tl_op, _tl_seq) = 'd' AS _tl_dead, any_value(_tl_bucket) AS _tl_bucket ` +
  `FROM ${changes.relation.sql} GROUP BY ${keyList(changes.shape)}`;

/** For each touched bucket: keys to upsert, keys to delete. */
export const selectTouched = (winners: string): string =>
  `SELECT _tl_bucket, count(*) FILTER (NOT _tl_dead), count(*) FILTER (_tl_dead) FROM ${winners} GROUP BY 1 ORDER BY 1`;

/** Rows of a count: applied or not, upsert or delete, minute, rows, sum and xor of hashes, dates made NULL. */
const grouped = (relation: string): string =>
  `SELECT applied, op <> 'd' AS is_upsert, ts_ms // 60000 AS minute, count(*), sum(hash), bit_xor(hash), ` +
  `CAST(sum(zeros) AS BIGINT) FROM (${withEventHash(relation)}) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;

/** What became of the changes: the last one of its key is applied, the others are superseded. */
export const selectChangeCounts = (winners: string, changes: StagedChanges): string =>
  grouped(
    `SELECT w._tl_seq IS NOT NULL AS applied, s._tl_op AS op, s._tl_n AS n, s._tl_zeros AS zeros, x.ts_ms, x.high, x.low ` +
      `FROM ${changes.relation.sql} s JOIN ${changes.transactions} x ON x.ordinal = s._tl_ordinal ` +
      `LEFT JOIN ${winners} w ON w._tl_seq = s._tl_seq`,
  );

/** What became of the rows of a snapshot: a change of the same key supersedes a row. */
export function selectSnapshotCounts(
  shape: RowShape,
  from: {
    readonly chunks: RowRelation;
    readonly lanes: string;
    readonly winners: string | null;
  },
): string {
  const join =
    from.winners === null ? "" : `LEFT JOIN ${from.winners} w ON ${sameKeySql(shape.keys, "w", "s")}`;
  return grouped(
    `SELECT ${from.winners === null ? "true" : "w._tl_seq IS NULL"} AS applied, 'r' AS op, s._tl_n AS n, s._tl_zeros AS zeros, s._tl_ts_ms AS ts_ms, x.high, x.low ` +
      `FROM ${from.chunks.sql} s JOIN ${from.lanes} x ON x.chunk = s._tl_chunk ${join}`,
  );
}

/** A file to be written: the rows of one bucket as of one instant. */
export interface BucketFile {
  readonly bucket: number;
  readonly instant: string;
  /** Its final name, which its rows repeat. */
  readonly file: string;
}

interface MetaValues {
  readonly sequence: string;
  readonly recordKey: string;
}

const metaColumns = (to: BucketFile, values: MetaValues): string =>
  `${literal(to.instant)} AS _hoodie_commit_time, ${values.sequence} AS _hoodie_commit_seqno, ` +
  `${values.recordKey} AS _hoodie_record_key, '' AS _hoodie_partition_path, ${literal(to.file)} AS _hoodie_file_name`;

const userList = (shape: RowShape, from: string): string =>
  shape.columns.map((column) => `${from}.${identifier(column.name)}`).join(", ");

const keyOf = (shape: RowShape, from: string): string =>
  recordKeySql(shape.keys, (name) => `${from}.${identifier(name)}`);

/** Rows that this commit puts into a bucket: the last changes of their keys, deletes left out. */
export function selectUpserts(changes: StagedChanges, winners: string, to: BucketFile): string {
  const { shape } = changes;
  const sequence = `${literal(`${to.instant}_${to.bucket}_`)} || s._tl_seq`;
  return (
    `SELECT ${metaColumns(to, { sequence, recordKey: keyOf(shape, "s") })}, ${userList(shape, "s")}, ` +
    `s._tl_seq, x.ts_ms AS _tl_ts_ms, x.txn AS _tl_txn, s._tl_n, s._tl_op ` +
    `FROM (SELECT * FROM ${changes.relation.sql} WHERE ${inBucket(changes.relation, to.bucket)}_tl_op <> 'd') s ` +
    `SEMI JOIN (SELECT _tl_seq FROM ${winners} WHERE _tl_bucket = ${to.bucket} AND NOT _tl_dead) w ON w._tl_seq = s._tl_seq ` +
    `JOIN ${changes.transactions} x ON x.ordinal = s._tl_ordinal`
  );
}

/** A condition to stand in front of another one, where it saves reading. */
const inBucket = (relation: RowRelation, bucket: number): string =>
  relation.isSorted ? `_tl_bucket = ${bucket} AND ` : "";

/** Keys of a bucket that the commit changes or deletes. */
const touchedKeys = (shape: RowShape, winners: string, bucket: number): string =>
  `(SELECT ${keyList(shape)} FROM ${winners} WHERE _tl_bucket = ${bucket})`;

/** Rows of the old slice that stay. They keep their commit time and number, which incremental readers need. */
export function selectKept(
  shape: RowShape,
  winners: string,
  from: { readonly old: string; readonly to: BucketFile },
): string {
  const { old, to } = from;
  const tracking = TRACKING_COLUMNS.map((column) => `o.${column.name}`).join(", ");
  return (
    `SELECT o._hoodie_commit_time, o._hoodie_commit_seqno, o._hoodie_record_key, '' AS _hoodie_partition_path, ` +
    `${literal(to.file)} AS _hoodie_file_name, ${userList(shape, "o")}, ${tracking} ` +
    `FROM ${readParquet([old])} o ANTI JOIN ${touchedKeys(shape, winners, to.bucket)} w ON ${sameKeySql(shape.keys, "w", "o")}`
  );
}

/** Of the floating-point columns, whether one of them is -0.0; null for a table without any. */
function isMinusZero(shape: RowShape): string | null {
  const floats = shape.columns.filter(({ type }) => type.duck === "FLOAT" || type.duck === "DOUBLE");
  if (floats.length === 0) return null;
  return floats
    .map(({ name }) => identifier(name))
    .map((column) => `(${column} = 0 AND signbit(${column}))`)
    .join(" OR ");
}

/**
 * A row for each -0.0 in the old slice and the staged rows of a bucket, superseded ones among them and, where that
 * saves nothing, those of other buckets; null for a table without floating-point columns.
 */
export function selectMinusZero(
  shape: RowShape,
  from: { readonly old: string | null; readonly staged: readonly RowRelation[]; readonly bucket: number },
): string | null {
  const condition = isMinusZero(shape);
  if (condition === null) return null;
  const parts = from.old === null ? [] : [`SELECT 1 FROM ${readParquet([from.old])} WHERE ${condition}`];
  for (const staged of from.staged) {
    parts.push(`SELECT 1 FROM ${staged.sql} WHERE ${inBucket(staged, from.bucket)}(${condition})`);
  }
  return parts.length === 0 ? null : `SELECT * FROM (${parts.join(" UNION ALL ")})`;
}

/** The same for rows that are given by a SELECT. */
export function selectMinusZeroOf(shape: RowShape, select: string): string | null {
  const condition = isMinusZero(shape);
  return condition === null ? null : `SELECT 1 FROM (${select}) WHERE ${condition}`;
}

/** Every row of the old slice, with the columns of the new schema; all else of the rows stays. */
export function selectEvolved(
  shape: RowShape,
  mapping: ColumnMapping,
  { old, to }: { readonly old: string; readonly to: BucketFile },
): string {
  const columns = shape.columns.map(({ name, type }, i) => {
    const from = mapping.get(must(shape.schema.columns[i], "a column of the source").name) ?? null;
    const value = from === null ? `CAST(NULL AS ${type.duck})` : `o.${identifier(lakeName(from))}`;
    return `${value} AS ${identifier(name)}`;
  });
  const tracking = TRACKING_COLUMNS.map((column) => `o.${column.name}`);
  return (
    `SELECT o._hoodie_commit_time, o._hoodie_commit_seqno, o._hoodie_record_key, '' AS _hoodie_partition_path, ` +
    `${literal(to.file)} AS _hoodie_file_name, ${[...columns, ...tracking].join(", ")} FROM ${readParquet([old])} o`
  );
}

/** No rows, with the columns of a base file: of a bucket in which a snapshot has none. */
export function selectNothing(shape: RowShape, to: BucketFile): string {
  const none = (type: string): string => `CAST(NULL AS ${type})`;
  const meta = metaColumns(to, { sequence: none("VARCHAR"), recordKey: none("VARCHAR") });
  const columns = [...shape.columns, ...TRACKING_COLUMNS].map(
    ({ name, type }) => `${none(type.duck)} AS ${identifier(name)}`,
  );
  return `SELECT ${meta}, ${columns.join(", ")} WHERE false`;
}

/** How many rows of the old slice the commit deletes. */
export const selectDeletedRows = (
  shape: RowShape,
  winners: string,
  from: { readonly old: string; readonly bucket: number },
): string =>
  `SELECT count(*) FROM ${readParquet([from.old])} o SEMI JOIN ` +
  `(SELECT ${keyList(shape)} FROM ${winners} WHERE _tl_bucket = ${from.bucket} AND _tl_dead) w ON ${sameKeySql(shape.keys, "w", "o")}`;

/** Rows of the snapshot in a bucket, but for those that a change has overtaken. */
export function selectLoaded(
  shape: RowShape,
  from: { readonly chunks: RowRelation; readonly winners: string | null },
  to: BucketFile,
): string {
  // Beside the number of a bucket, where the sequence numbers of the changes have theirs.
  const sequence = `${literal(`${to.instant}_`)} || (${shape.buckets} + s._tl_chunk) || '_' || s._tl_n`;
  const anti =
    from.winners === null
      ? ""
      : ` ANTI JOIN ${touchedKeys(shape, from.winners, to.bucket)} w ON ${sameKeySql(shape.keys, "w", "s")}`;
  return (
    `SELECT ${metaColumns(to, { sequence, recordKey: keyOf(shape, "s") })}, ${userList(shape, "s")}, ` +
    `0::BIGINT AS _tl_seq, s._tl_ts_ms, ${literal(snapshotTransactionId(0).slice(0, -1))} || s._tl_chunk AS _tl_txn, ` +
    `s._tl_n, 'r' AS _tl_op ` +
    `FROM (SELECT * FROM ${from.chunks.sql} WHERE _tl_bucket = ${to.bucket}) s${anti}`
  );
}
