import type { ChangeBatch, RowRecords, TransactionRef } from "../../src/types/change-batch.ts";
import { formatTableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import type { BatchLine } from "./batch-lines.ts";
import { cellsOf } from "./row-columns.ts";

/** Version of the program that wrote the records of tests. */
export const RECORD_VERSION = "0.0.0";
/** Name of their source. */
export const RECORD_SOURCE = "s";

export interface BatchRecord {
  readonly key: string;
  readonly value: string;
}

/** What a value says beside its rows; the rows are canonical JSON, or the text `null`. */
export interface ValueParts {
  readonly op: string;
  readonly source: string;
  readonly version: string;
  readonly schema: TableSchema;
  readonly transaction: Pick<TransactionRef, "gtid" | "commitUs">;
  readonly n: number;
  readonly before: string;
  readonly after: string;
}

/** The envelope as others read it in Kafka. */
export function recordValue(parts: ValueParts): string {
  const { op, version, n, before, after } = parts;
  const { database, table } = parts.schema.id;
  const { gtid, commitUs } = parts.transaction;
  const ms = Math.floor(commitUs / 1000);
  const text = JSON.stringify;
  return (
    `{"op":"${op}","ts_ms":${ms},"source":{"version":${text(version)},"connector":"mysql","name":${text(parts.source)},` +
    `"ts_ms":${ms},"ts_us":${commitUs},"snapshot":"false","db":${text(database)},"table":${text(table)},"gtid":${text(gtid)},` +
    `"row":${n}},"before":${before},"after":${after}}`
  );
}

/** The key columns of a canonical row, in table order. */
export function keyOf(schema: TableSchema, row: string): string {
  const cells = cellsOf(row);
  const members = schema.columns
    .filter(({ name }) => schema.primaryKey.includes(name))
    .map(({ name }) => `${JSON.stringify(name)}:${cells.get(name) ?? "null"}`);
  return `{${members.join(",")}}`;
}

/** Key and value of each change of a batch of records. */
export function recordsOf({ rows, count }: ChangeBatch): readonly BatchRecord[] {
  if (rows.form !== "records") throw new Error(`these rows are ${rows.form}`);
  const { bytes, keyEnd, valueEnd, headerEnd } = rows;
  // Bytes that are no UTF-8 must not pass as something that looks alike.
  const utf8 = new TextDecoder("utf8", { fatal: true, ignoreBOM: true });
  return Array.from({ length: count }, (_, i) => {
    const key = must(keyEnd[i], "the end of a key");
    return {
      key: utf8.decode(bytes.subarray(i === 0 ? 0 : headerEnd[i - 1], key)),
      value: utf8.decode(bytes.subarray(key, valueEnd[i])),
    };
  });
}

/** The header of each change of a batch of records. */
export function headersOf({ rows, count }: ChangeBatch): readonly string[] {
  if (rows.form !== "records") throw new Error(`these rows are ${rows.form}`);
  const { bytes, valueEnd, headerEnd } = rows;
  const utf8 = new TextDecoder("utf8", { fatal: true, ignoreBOM: true });
  return Array.from({ length: count }, (_, i) => utf8.decode(bytes.subarray(valueEnd[i], headerEnd[i])));
}

/** Records of these lines. The image before an update is taken to be that after it, and of a delete its key. */
export function rowRecords(
  schema: TableSchema,
  transactions: readonly TransactionRef[],
  lines: readonly BatchLine[],
): RowRecords {
  const keyEnd = new Uint32Array(lines.length);
  const valueEnd = new Uint32Array(lines.length);
  const headerEnd = new Uint32Array(lines.length);
  const rowStart = new Uint32Array(lines.length);
  const pieces: Buffer[] = [];
  let end = 0;
  lines.forEach(({ op, seq, n, transaction, row, before = row }, i) => {
    const isDelete = op === "d";
    const key = Buffer.from(isDelete ? row : keyOf(schema, row));
    const value = Buffer.from(
      recordValue({
        op,
        source: RECORD_SOURCE,
        version: RECORD_VERSION,
        schema,
        transaction: must(transactions[transaction], "the transaction of a record"),
        n,
        before: op === "u" || isDelete ? before : "null",
        after: isDelete ? "null" : row,
      }),
    );
    const { gtid, commitUs } = must(transactions[transaction], "the transaction of a record");
    const place = isDelete ? 0 : value.length - 1 - Buffer.byteLength(row);
    const id = `${RECORD_SOURCE}/1/${gtid}#${formatTableId(schema.id)}#${n}`;
    const header = Buffer.from(`${op} ${seq} ${place} ${commitUs} ${schema.version} ${id}`);
    pieces.push(key, value, header);
    keyEnd[i] = end + key.length;
    valueEnd[i] = end + key.length + value.length;
    rowStart[i] = isDelete ? end : end + key.length + value.length - 1 - Buffer.byteLength(row);
    headerEnd[i] = end + key.length + value.length + header.length;
    end += key.length + value.length + header.length;
  });
  const bytes = Uint8Array.from(Buffer.concat(pieces));
  return { form: "records", bytes, keyEnd, valueEnd, headerEnd, rowStart };
}
