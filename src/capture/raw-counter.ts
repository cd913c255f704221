import { Readable } from "node:stream";
import { crc32, createZstdDecompress } from "node:zlib";
import { isSyncError, syncError } from "../types/errors.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { readGtid, readMariadbGtid, readTaggedGtid, type RawGtid } from "./raw-gtid.ts";
import { unpackMariadb } from "./raw-packed.ts";
import { imageEnd, type ColumnWidth } from "./row-width.ts";
import { messageOf } from "../util/errors.ts";

/** One change of a table in a transaction: its number and what happened. */
export interface RawChange {
  readonly n: number;
  readonly operation: "c" | "u" | "d";
}

export interface RawCounterOptions {
  readonly isCounted: (id: TableId) => boolean;
  /** Names of the key's columns, for a table whose key is not the primary key that the binlog names. */
  readonly keyOf?: (id: TableId) => readonly string[] | undefined;
  /** A transaction that has ended, with its changes by `tableKey`. */
  readonly onTransaction: (
    gtid: string,
    commitUs: number,
    changes: ReadonlyMap<string, readonly RawChange[]>,
  ) => void;
}

interface MappedTable {
  readonly key: string;
  readonly columns: readonly ColumnWidth[];
  /** Positions of the key columns. */
  readonly primaryKey: readonly number[];
}

/**
 * The smallest reader that can count: transactions, tables, and where one row ends and the next begins. It
 * reads no values. It is written apart from capture's decoder on purpose, so that the two can be compared.
 */
export class RawCounter {
  readonly #options: RawCounterOptions;
  readonly #tables = new Map<number, MappedTable>();
  /** Null before the first FORMAT_DESCRIPTION, whose word that there are none has yet to be confirmed. */
  #hasChecksum: boolean | null = null;
  #isConfirmed = true;
  #gtid: string | null = null;
  #commitUs = 0;
  #hasBegun = false;
  #changes = new Map<string, RawChange[]>();
  /** Of XA transactions by their xid, between prepare and end. */
  readonly #prepared = new Map<string, Map<string, RawChange[]>>();
  #xid = "";
  #nextN = new Map<string, number>();

  constructor(options: RawCounterOptions) {
    this.#options = options;
  }

  /** One event, header and checksum included. The promise of a compressed transaction is that it has been read. */
  event(bytes: Uint8Array): Promise<void> | null {
    return counted(() => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const type = view.getUint8(4);
      if (view.getUint32(9, true) !== bytes.length) throw misread("an event of another size than it says");
      if (type === 15) {
        this.#hasChecksum = view.getUint8(bytes.length - 5) === 1;
        this.#isConfirmed = this.#hasChecksum;
      }
      // In front of all comes one that the server has made up.
      if (this.#hasChecksum === null) return null;
      const sum = view.getUint32(bytes.length - 4, true);
      const isRight = (this.#hasChecksum || !this.#isConfirmed) && crc32(bytes.subarray(0, -4)) === sum;
      if (this.#hasChecksum && !isRight) throw misread("an event with a wrong checksum");
      if (type !== 15 && !this.#isConfirmed) {
        if (isRight) throw misread("checksums where there should be none");
        this.#isConfirmed = true;
      }
      const bodyBytes = bytes.length - 19 - (this.#hasChecksum ? 4 : 0);
      const body = new DataView(bytes.buffer, bytes.byteOffset + 19, bodyBytes);
      if (type === 40) return this.#unpack(body);
      this.#read(type, body);
      return null;
    });
  }

  #read(type: number, body: DataView): void {
    if (type === 33) this.#begin(readGtid(body));
    else if (type === 42) this.#begin(readTaggedGtid(body));
    else if (type === 162) this.#begin(readMariadbGtid(body));
    else if (type === 2) this.#query(body);
    else if (type === 19) this.#mapTable(body);
    else if (type >= 30 && type <= 32) this.#rows(body, { kind: type - 30, at: 8 + body.getUint16(8, true) });
    else if (type === 39) this.#rows(body, { kind: 1, at: 8 + body.getUint16(8, true), isPartial: true });
    else if (type >= 23 && type <= 25) this.#rows(body, { kind: type - 23, at: 8 });
    else if (type >= 165 && type <= 168) this.#readMariadbPacked(type, body);
    else if (type === 38) this.#prepare(body);
    else if (type === 16) this.#end();
  }

  /** Takes what a compressed transaction holds event by event: each has a header, and no checksum. */
  async #unpack(body: DataView): Promise<void> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let needed = 19;
    try {
      for await (const piece of unpacked(body)) {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes < needed) continue;
        const rest = counted(() => this.#readAll(Buffer.concat(pieces.splice(0))));
        pieces.push(rest);
        bytes = rest.length;
        needed = bytes < 19 ? 19 : rest.readUInt32LE(9);
      }
    } catch (error) {
      if (isSyncError(error)) throw error;
      throw misread(`a compressed transaction: ${messageOf(error)}`);
    }
    if (bytes > 0) throw misread("a compressed transaction that ends inside of an event");
  }

  /** Reads the whole events at the begin of a buffer; gives what is behind them. */
  #readAll(all: Buffer): Buffer {
    let at = 0;
    while (all.length - at >= 19) {
      const size = all.readUInt32LE(at + 9);
      if (size < 19) throw misread("an event that is shorter than its header");
      if (all.length - at < size) break;
      this.#read(all.readUInt8(at + 4), new DataView(all.buffer, all.byteOffset + at + 19, size - 19));
      at += size;
    }
    return all.subarray(at);
  }

  #readMariadbPacked(type: number, body: DataView): void {
    const plain = unpackMariadb(type, body, packed);
    this.#read(type === 165 ? 2 : type - 143, plain);
  }

  #begin({ gtid, commitUs, isBegin }: RawGtid): void {
    this.#gtid = gtid;
    this.#commitUs = commitUs;
    this.#hasBegun = isBegin;
    this.#changes = new Map();
    this.#nextN = new Map();
  }

  #query(body: DataView): void {
    const skip = 13 + body.getUint16(11, true) + body.getUint8(8) + 1;
    const statement = Buffer.from(
      body.buffer,
      body.byteOffset + skip,
      Math.min(STATEMENT_BYTES_MAX, body.byteLength - skip),
    ).toString("latin1");
    const [, phase, xid = ""] = /^XA (START|COMMIT|ROLLBACK) (.*)$/i.exec(statement) ?? [];
    if (phase === "START") this.#xid = xid;
    if (phase === "COMMIT") this.#changes = this.#prepared.get(xid) ?? this.#changes;
    if (phase === "COMMIT" || phase === "ROLLBACK") this.#prepared.delete(xid);
    if (phase === "START" || /^BEGIN/i.test(statement)) this.#hasBegun = true;
    else if (!this.#hasBegun || /^COMMIT/i.test(statement)) this.#end();
  }

  /** Changes that are only prepared are those of the transaction that commits them, if one does. */
  #prepare(body: DataView): void {
    if (body.getUint8(0) !== 1) {
      this.#prepared.set(this.#xid, this.#changes);
      this.#changes = new Map();
    }
    this.#end();
  }

  #end(): void {
    if (this.#gtid !== null) this.#options.onTransaction(this.#gtid, this.#commitUs, this.#changes);
    this.#gtid = null;
  }

  #mapTable(body: DataView): void {
    const number = body.getUint32(0, true) + body.getUint16(4, true) * 2 ** 32;
    const databaseLength = body.getUint8(8);
    const text = (at: number, length: number): string =>
      Buffer.from(body.buffer, body.byteOffset + at, length).toString("utf8");
    const tableAt = 8 + 1 + databaseLength + 1;
    const tableLength = body.getUint8(tableAt);
    const id = { database: text(9, databaseLength), table: text(tableAt + 1, tableLength) };
    this.#tables.delete(number);
    if (!this.#options.isCounted(id)) return;
    const described = describeColumns(body, tableAt + 1 + tableLength + 1, this.#options.keyOf?.(id));
    this.#tables.set(number, { key: tableKey(id), ...described });
  }

  /** `kind` is 0 for an insert, 1 for an update, 2 for a delete; `at` is where the number of columns stands. */
  #rows(
    body: DataView,
    {
      kind,
      at: start,
      isPartial = false,
    }: { readonly kind: number; readonly at: number; readonly isPartial?: boolean },
  ): void {
    const table = this.#tables.get(body.getUint32(0, true) + body.getUint16(4, true) * 2 ** 32);
    if (table === undefined) return;
    const count = packed(body, start);
    let at = count.next + ((count.value + 7) >> 3) * (kind === 1 ? 2 : 1);
    const list = this.#changes.get(table.key) ?? [];
    this.#changes.set(table.key, list);
    let n = this.#nextN.get(table.key) ?? 0;
    while (at < body.byteLength) {
      const first = imageEnd(body, at, table);
      if (first.end <= at) throw misread("a row without columns");
      if (kind !== 1) {
        list.push({ n, operation: kind === 0 ? "c" : "d" });
        at = first.end;
      } else {
        const from = isPartial ? behindOptions(body, first.end, table) : first.end;
        const second = imageEnd(body, from, table);
        if (second.end <= from) throw misread("a row without columns");
        if (first.key === second.key) list.push({ n, operation: "u" });
        else list.push({ n, operation: "d" }, { n, operation: "c" });
        at = second.end;
      }
      n++;
    }
    this.#nextN.set(table.key, n);
    if (at !== body.byteLength)
      throw misread(`a row event ends at ${body.byteLength}, its last row at ${at}`);
  }
}

/** Of a partial update: options, and where they say so a bit for each JSON column, stand before the new image. */
function behindOptions(body: DataView, at: number, { columns }: MappedTable): number {
  const options = packed(body, at);
  const bits = columns.filter(({ type }) => type === JSON_TYPE).length;
  return options.next + (options.value === 1 ? (bits + 7) >> 3 : 0);
}

const JSON_TYPE = 245;

/** An xid has at most two parts of 64 bytes, written in hex digits. */
const STATEMENT_BYTES_MAX = 320;

/** The bytes of a compressed transaction: fields of type, length and value, a zero, and what was compressed. */
function unpacked(body: DataView): AsyncIterable<Buffer> | Iterable<Buffer> {
  let isZstd = false;
  let at = 0;
  for (;;) {
    const field = packed(body, at);
    at = field.next;
    if (field.value === 0) break;
    const length = packed(body, at);
    at = length.next + length.value;
    if (field.value === 2) isZstd = body.getUint8(length.next) === 0;
  }
  const payload = Buffer.from(body.buffer, body.byteOffset + at, body.byteLength - at);
  return isZstd ? Readable.from([payload]).pipe(createZstdDecompress({ chunkSize: 1 << 20 })) : [payload];
}

/** Types and metadata of the columns, and the key from the optional part: by its names, or the primary key. */
function describeColumns(
  body: DataView,
  at: number,
  key: readonly string[] | undefined,
): Pick<MappedTable, "columns" | "primaryKey"> {
  const count = packed(body, at);
  const meta = packed(body, count.next + count.value);
  const columns: ColumnWidth[] = [];
  let p = meta.next;
  for (let i = 0; i < count.value; i++) {
    const type = body.getUint8(count.next + i);
    const bytes = META_BYTES.get(type) ?? 0;
    const value =
      bytes === 0
        ? 0
        : bytes === 1
          ? body.getUint8(p)
          : type === 254
            ? body.getUint16(p)
            : body.getUint16(p, true);
    columns.push({ type, meta: value });
    p += bytes;
  }
  p += (count.value + 7) >> 3;
  while (p < body.byteLength) {
    const kind = body.getUint8(p);
    const length = packed(body, p + 1);
    const to = length.next + length.value;
    if (key === undefined && kind === 8) return { columns, primaryKey: packedList(body, length.next, to) };
    // On prefixes: each column is followed by the length of what is unique.
    if (key === undefined && kind === 9) {
      return { columns, primaryKey: packedList(body, length.next, to).filter((_, i) => i % 2 === 0) };
    }
    if (key !== undefined && kind === 4) {
      const names = nameList(body, length.next, to);
      const primaryKey = key.map((name) => names.indexOf(name));
      if (primaryKey.every((column) => column >= 0)) return { columns, primaryKey };
    }
    p = to;
  }
  throw misread(
    "a TABLE_MAP event names no key of its table (binlog_row_metadata is not FULL, or it was altered)",
  );
}

/** Bytes of metadata of each type that has some. */
const META_BYTES: ReadonlyMap<number, number> = new Map([
  [4, 1],
  [5, 1],
  [15, 2],
  [16, 2],
  [17, 1],
  [18, 1],
  [19, 1],
  [140, 1],
  [141, 2],
  [242, 1],
  [245, 1],
  [246, 2],
  [252, 1],
  [254, 2],
  [255, 1],
]);

function packed(body: DataView, at: number): { readonly value: number; readonly next: number } {
  const first = body.getUint8(at);
  if (first < 251) return { value: first, next: at + 1 };
  if (first === 252) return { value: body.getUint16(at + 1, true), next: at + 3 };
  return { value: body.getUint16(at + 1, true) + body.getUint8(at + 3) * 65536, next: at + 4 };
}

function packedList(body: DataView, from: number, to: number): number[] {
  const list: number[] = [];
  for (let at = from; at < to;) {
    const { value, next } = packed(body, at);
    list.push(value);
    at = next;
  }
  return list;
}

function nameList(body: DataView, from: number, to: number): string[] {
  const names: string[] = [];
  for (let at = from; at < to;) {
    const { value, next } = packed(body, at);
    names.push(Buffer.from(body.buffer, body.byteOffset + next, value).toString("utf8"));
    at = next + value;
  }
  return names;
}

/** All reading goes through views, which throw a RangeError where an event ends before what it says it has. */
function counted<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw misread("an event that ends too early");
    throw error;
  }
}

const misread = (what: string): Error =>
  syncError("BINLOG_EVENT_CORRUPT", `the binlog cannot be counted: ${what}`, {
    hint: "run the report again; compare with `mysqlbinlog --verify-binlog-checksum` on the server",
  });
