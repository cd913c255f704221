import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { EVENT, HEADER_BYTES } from "../../src/capture/binlog-event.ts";
import type { Charsets, CharsetTable } from "../../src/capture/charset/charset-table.ts";
import { parseTableMap, parseTableMapName, type Collations } from "../../src/capture/table-map.ts";
import { parseTransactionPayload, unpackAtOnce } from "../../src/capture/transaction-payload.ts";
import { formatTableId, tableKey } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";

/** A binlog that `scripts/record-binlog.ts` has recorded. */
export interface BinlogCorpus {
  readonly name: string;
  /** Of the tables that are kept. */
  readonly schemas: readonly TableSchema[];
  readonly collations: Collations;
  readonly charsets: Charsets;
  /** The FORMAT_DESCRIPTION in front of all: with checksums, and without. */
  readonly head: { readonly checked: Buffer; readonly bare: Buffer };
  /** What belongs together, from one GTID event to the next; what stands alone is a piece of its own. */
  readonly pieces: readonly Piece[];
}

export interface Piece {
  /** As they were recorded. */
  readonly checked: readonly Buffer[];
  /** The same as a server without checksums has them. */
  readonly bare: readonly Buffer[];
}

interface Beside {
  readonly tables: readonly string[];
  readonly collations: readonly (readonly [number, string])[];
  readonly charsets: readonly (readonly [string, CharsetTable])[];
}

const CHECKSUM_BYTES = 4;
const FOLDER = new URL("../fixtures/binlog/", import.meta.url);

export const typeOf = (event: Uint8Array): number => event[4] as number;

export function readCorpus(name: string): BinlogCorpus {
  const beside = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as Beside;
  const collations = new Map(beside.collations);
  const charsets = new Map(
    beside.charsets.map(([charset, table]) => [
      charset,
      table.form === "tree" ? { ...table, tree: Int32Array.from(table.tree) } : table,
    ]),
  );
  const events = [...cutEvents(readFileSync(new URL(`${name}.bin`, FOLDER)))];
  const first = must(events[0], "an event");
  const recorded = cutPieces(events).map((checked) => ({ checked, bare: checked.map(withoutChecksum) }));
  const pieces = [...recorded, ...recorded.flatMap(unpackedPiece)];
  const context = { collations, charsets };
  return {
    ...{ name, ...context, pieces, head: { checked: first, bare: withoutChecksum(first) } },
    schemas: schemasOf(pieces, { tables: beside.tables, context }),
  };
}

/** Events that stand one behind another. */
function* cutEvents(bytes: Buffer): Generator<Buffer, void, void> {
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32LE(at + 9);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const BEGINS: ReadonlySet<number> = new Set([
  EVENT.gtid,
  EVENT.taggedGtid,
  EVENT.formatDescription,
  EVENT.rotate,
]);

function cutPieces(events: readonly Buffer[]): readonly (readonly Buffer[])[] {
  const pieces: Buffer[][] = [];
  for (const event of events) {
    if (BEGINS.has(typeOf(event)) || pieces.length === 0) pieces.push([]);
    pieces.at(-1)?.push(event);
  }
  return pieces;
}

/** The event as it is with `binlog_checksum = NONE`; a FORMAT_DESCRIPTION keeps the room for its own. */
function withoutChecksum(event: Buffer): Buffer {
  if (typeOf(event) === EVENT.formatDescription) {
    const bare = Buffer.from(event);
    bare[bare.length - CHECKSUM_BYTES - 1] = 0;
    return bare;
  }
  const bare = Buffer.from(event.subarray(0, -CHECKSUM_BYTES));
  bare.writeUInt32LE(bare.length, 9);
  return bare;
}

/**
 * A compressed transaction once more as the server could have written it, not compressed, so that a byte that is
 * changed in it is one of its events and not an error of zstd.
 */
function unpackedPiece({ bare }: Piece): readonly Piece[] {
  if (!bare.some((event) => typeOf(event) === EVENT.transactionPayload)) return [];
  const opened = bare.map((event) =>
    typeOf(event) === EVENT.transactionPayload ? withoutCompression(event) : event,
  );
  return [{ checked: opened.map(withChecksum), bare: opened }];
}

function withoutCompression(event: Buffer): Buffer {
  const inner = unpackAtOnce(parseTransactionPayload(event, HEADER_BYTES, event.length));
  const size = Buffer.alloc(3, 0xfc);
  size.writeUInt16LE(inner.length, 1);
  const fields = [Buffer.of(2, 3, 0xfc, 0xff, 0), Buffer.of(3, 3), size, Buffer.of(1, 3), size, Buffer.of(0)];
  const opened = Buffer.concat([event.subarray(0, HEADER_BYTES), ...fields, inner]);
  opened.writeUInt32LE(opened.length, 9);
  return opened;
}

function withChecksum(event: Buffer): Buffer {
  const checked = Buffer.concat([event, Buffer.alloc(CHECKSUM_BYTES)]);
  checked.writeUInt32LE(checked.length, 9);
  checked.writeUInt32LE(crc32(checked.subarray(0, -CHECKSUM_BYTES)), checked.length - CHECKSUM_BYTES);
  return checked;
}

/** As the catalogue had them: the TABLE_MAPs say all that counts. */
function schemasOf(
  pieces: readonly Piece[],
  {
    tables,
    context,
  }: { readonly tables: readonly string[]; readonly context: Pick<BinlogCorpus, "collations" | "charsets"> },
): readonly TableSchema[] {
  const schemas = new Map<string, TableSchema>();
  for (const event of pieces.flatMap(({ bare }) => bare)) {
    if (typeOf(event) !== EVENT.tableMap) continue;
    const { id } = parseTableMapName(event, HEADER_BYTES, event.length);
    if (!tables.includes(formatTableId(id)) || schemas.has(tableKey(id))) continue;
    const { columns, primaryKey, version } = parseTableMap(
      event,
      { from: HEADER_BYTES, to: event.length },
      { ...context, countsSpatial: false, known: null },
    );
    schemas.set(tableKey(id), {
      id,
      columns: columns.map((column) => ({ ...column, mysqlType: "" })),
      primaryKey,
      version,
    });
  }
  return [...schemas.values()];
}
