import { OP_CODE, sliceBatch, type ChangeBatch, type RowRecords } from "../../types/change-batch.ts";
import type { LargeRows } from "./large-rows.ts";

/** What a record takes beside key, value and header: lengths, the name of the header, and its batch. */
const RECORD_OVERHEAD = 160;
const BEFORE = Buffer.from('},"before":');

/**
 * The records of a batch with those that are too large for a message replaced by where they lie. The batch itself when
 * none is, which is nearly always.
 */
export async function withoutLargeRows(
  batch: ChangeBatch,
  rows: RowRecords,
  { bytesMax, files }: { readonly bytesMax: number; readonly files: LargeRows },
): Promise<RowRecords> {
  const large: number[] = [];
  let start = 0;
  for (let i = 0; i < batch.count; i++) {
    const end = rows.headerEnd[i] as number;
    if (end - start + RECORD_OVERHEAD > bytesMax) large.push(i);
    start = end;
  }
  if (large.length === 0) return rows;
  const builder = new RecordsBuilder();
  let next = 0;
  for (const i of large) {
    if (i > next) builder.add(recordsOf(sliceBatch(batch, next, i)));
    builder.add(await replaced(recordsOf(sliceBatch(batch, i, i + 1)), files));
    next = i + 1;
  }
  if (next < batch.count) builder.add(recordsOf(sliceBatch(batch, next, batch.count)));
  return builder.records();
}

function recordsOf({ rows }: ChangeBatch): RowRecords {
  if (rows.form !== "records") throw new RangeError(`these rows are ${rows.form}`);
  return rows;
}

/** The one record of these with its value in a file. */
async function replaced(rows: RowRecords, files: LargeRows): Promise<RowRecords> {
  const [keyEnd = 0, valueEnd = 0, headerEnd = 0] = [rows.keyEnd[0], rows.valueEnd[0], rows.headerEnd[0]];
  const bytes = Buffer.from(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.byteLength);
  const value = bytes.subarray(keyEnd, valueEnd);
  const header = bytes.subarray(valueEnd, headerEnd).toString().split(" ");
  const isDelete = bytes[valueEnd] === OP_CODE.d;
  const eventId = header.slice(5).join(" ");
  const row = isDelete ? 1 : Number(header[2]);
  const place = await files.write(eventId, value, row);
  // The names and texts in front of the rows have their quotes escaped, so this cannot stand there.
  const head = value.subarray(0, value.indexOf(BEFORE) + 1);
  const stub = Buffer.concat([
    head,
    Buffer.from(`,"large":${JSON.stringify(place)},"before":null,"after":null}`),
  ]);
  header[2] = "0";
  const parts = [bytes.subarray(0, keyEnd), stub, Buffer.from(header.join(" "))];
  const end = keyEnd + stub.length;
  return {
    form: "records",
    bytes: Buffer.concat(parts),
    keyEnd: Uint32Array.of(keyEnd),
    valueEnd: Uint32Array.of(end),
    headerEnd: Uint32Array.of(end + (parts[2]?.length ?? 0)),
    rowStart: Uint32Array.of(0),
  };
}

/** Puts records of several batches together. */
class RecordsBuilder {
  readonly #parts: RowRecords[] = [];

  add(rows: RowRecords): void {
    this.#parts.push(rows);
  }

  records(): RowRecords {
    let base = 0;
    const columns = { keyEnd: [], valueEnd: [], headerEnd: [], rowStart: [] } as Record<
      "keyEnd" | "valueEnd" | "headerEnd" | "rowStart",
      number[]
    >;
    for (const part of this.#parts) {
      for (const name of ["keyEnd", "valueEnd", "headerEnd", "rowStart"] as const) {
        for (const offset of part[name]) columns[name].push(base + offset);
      }
      base += part.bytes.length;
    }
    return {
      form: "records",
      bytes: Buffer.concat(this.#parts.map(({ bytes }) => bytes)),
      keyEnd: Uint32Array.from(columns.keyEnd),
      valueEnd: Uint32Array.from(columns.valueEnd),
      headerEnd: Uint32Array.from(columns.headerEnd),
      rowStart: Uint32Array.from(columns.rowStart),
    };
  }
}
