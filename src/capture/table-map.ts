import { syncError } from "../types/errors.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { ColumnType, TableSchema, TextCharset } from "../types/table-schema.ts";
import { isPlainCharset, TEXT_CHARSETS } from "../types/table-schema.ts";
import { decodeText, type Charsets, type CharsetTable } from "./charset/charset-table.ts";
import { corrupt } from "./corrupt.ts";
import { ByteReader } from "./byte-reader.ts";
import { isHiddenColumn, storedText } from "./mariadb/own-column.ts";
import { unpackValue, type StoredValue } from "./mariadb/stored-value.ts";
import { META, readExtras, readMemberLists, readNames, readPackedLengths } from "./table-map-extras.ts";
import { declaredKey, mapKey } from "./map-key.ts";

/**
 * TABLE_MAP events under `binlog_row_metadata=FULL`: everything that decides how the rows behind them are
 * read, as it was when they were written. Nothing is looked up in the catalogue, which may be ahead.
 * Layout: `Table_map_event` in MySQL's `libs/mysql/binlog/event/rows_event.h`.
 */
export interface TableMap {
  readonly id: TableId;
  readonly columns: readonly MappedColumn[];
  /** Names of the columns by which rows are told apart, in key order; empty when there are none. */
  readonly primaryKey: readonly string[];
  /** As `types/schema-version.ts` makes it: equal to that of the schema read from the catalogue. */
  readonly version: string;
}

export interface MappedColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Bytes of the length in front of a value; 0 for types of fixed size. */
  readonly lengthBytes: number;
  /** Of a text in a character set that is read by a table. */
  readonly table?: CharsetTable | undefined;
  /** Of a value that is not stored as it is. */
  readonly stored?: StoredValue | undefined;
  /** A column of the server's own, that no SELECT shows. */
  readonly isHidden?: boolean;
}

/** What a TABLE_MAP event refers to and does not say itself. */
export interface MapContext {
  /** Columns by which rows are told apart, where a unique index is the key; the event may not name them. */
  readonly key?: readonly string[] | undefined;
  readonly collations: Collations;
  readonly charsets: Charsets;
  /** Spatial columns stand among those that have a collation: so MariaDB writes it, and MySQL does not. */
  readonly countsSpatial: boolean;
}

/** Character set of each collation number of the server. */
export type Collations = ReadonlyMap<number, string>;

const TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  longLong: 8,
  int24: 9,
  date: 10,
  year: 13,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  json: 245,
  blobPacked: 140,
  varcharPacked: 141,
  vector: 242,
  newDecimal: 246,
  enum: 247,
  set: 248,
  blob: 252,
  string: 254,
  geometry: 255,
} as const;

/** Database and table of the event without the rest: all that is needed for a table that we do not keep. */
export function parseTableMapName(
  bytes: Uint8Array,
  from: number,
  to: number,
): { mapId: number; id: TableId } {
  const r = new ByteReader(bytes, from, to);
  return readName(r);
}

function readName(r: ByteReader): { mapId: number; id: TableId } {
  const mapId = r.uint(6);
  r.skip(2);
  const database = r.text(r.u8());
  r.skip(1);
  const table = r.text(r.u8());
  r.skip(1);
  return { mapId, id: { database, table } };
}

interface RawColumn {
  readonly type: number;
  readonly meta: number;
  /** STRING hides ENUM and SET behind its metadata. */
  readonly realType: number;
}

/** `known` is the schema that the rows should have: it tells types that look alike in the event. */
export function parseTableMap(
  bytes: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
  context: MapContext & { readonly known: TableSchema | null },
): TableMap {
  const r = new ByteReader(bytes, from, to);
  const { id } = readName(r);
  const count = r.packedLength();
  const types = r.take(count);
  const metaEnd = r.packedLength() + r.position;
  const raw = Array.from(types, (type) => readColumnMeta(r, type));
  if (r.position !== metaEnd)
    throw corrupt(`the column metadata of ${formatTableId(id)} has another length than it says`);
  r.skip((count + 7) >> 3);
  const extras = readExtras(r);
  const names = readNames(extras.get(META.columnName));
  if (names.length !== count) {
    throw syncError("TABLE_ROW_IMAGE", `${formatTableId(id)}: the binlog does not name the columns`, {
      hint: "SET GLOBAL binlog_row_metadata = 'FULL' on the source, then take the table's snapshot again",
    });
  }
  const columns = buildColumns(id, { raw, names, extras, ...context });
  const declared = declaredKey(id, names, {
    whole: readPackedLengths(extras.get(META.simplePrimaryKey)),
    prefixed: readPackedLengths(extras.get(META.prefixPrimaryKey)),
  });
  const shown = columns.filter((column) => column.isHidden !== true);
  return { id, columns, ...mapKey(shown, declared, context.key) };
}

function readColumnMeta(r: ByteReader, type: number): RawColumn {
  switch (type) {
    case TYPE.float:
    case TYPE.double:
    case TYPE.blob:
    case TYPE.blobPacked:
    case TYPE.json:
    case TYPE.timestamp2:
    case TYPE.datetime2:
    case TYPE.time2:
    case TYPE.vector:
    case TYPE.geometry:
      return { type, meta: r.u8(), realType: type };
    case TYPE.varchar:
    case TYPE.varcharPacked:
    case TYPE.bit:
    case TYPE.newDecimal:
      return { type, meta: r.u16(), realType: type };
    case TYPE.string: {
      const first = r.u8();
      const second = r.u8();
      // Lengths over 255 steal two bits of the type byte, stored inverted.
      if ((first & 0x30) !== 0x30) {
        return { type, meta: second | (((first & 0x30) ^ 0x30) << 4), realType: first | 0x30 };
      }
      return { type, meta: second, realType: first };
    }
    default:
      return { type, meta: 0, realType: type };
  }
}

/** Types that have a bit in the list of unsigned columns; YEAR is one of them. */
const NUMERIC: ReadonlySet<number> = new Set([
  ...[TYPE.tiny, TYPE.short, TYPE.int24, TYPE.long, TYPE.longLong, TYPE.year],
  ...[TYPE.newDecimal, TYPE.float, TYPE.double],
]);

const isNumeric = (c: RawColumn): boolean => NUMERIC.has(c.type);

const isEnumOrSet = (c: RawColumn): boolean => c.realType === TYPE.enum || c.realType === TYPE.set;

const isCharacter = (c: RawColumn): boolean =>
  (c.type === TYPE.string && !isEnumOrSet(c)) ||
  c.type === TYPE.varchar ||
  c.type === TYPE.varcharPacked ||
  c.type === TYPE.blob ||
  c.type === TYPE.blobPacked ||
  c.type === 253;

/** Collation number of each column that `applies`, either one default with exceptions or a full list. */
function readCollations(
  columns: readonly RawColumn[],
  applies: (c: RawColumn) => boolean,
  byDefault: ByteReader | undefined,
  byColumn: ByteReader | undefined,
): ReadonlyMap<number, number> {
  const result = new Map<number, number>();
  const indexes = columns.flatMap((c, i) => (applies(c) ? [i] : []));
  if (byColumn !== undefined) {
    readPackedLengths(byColumn).forEach((collation, i) => {
      const index = indexes[i];
      if (index !== undefined) result.set(index, collation);
    });
    return result;
  }
  const [common, ...exceptions] = readPackedLengths(byDefault);
  if (common === undefined) return result;
  for (const index of indexes) result.set(index, common);
  for (let i = 0; i + 1 < exceptions.length; i += 2) {
    const index = indexes[exceptions[i] as number];
    if (index !== undefined) result.set(index, exceptions[i + 1] as number);
  }
  return result;
}

interface ColumnSources extends MapContext {
  readonly known: TableSchema | null;
  readonly raw: readonly RawColumn[];
  readonly names: readonly string[];
  readonly extras: ReadonlyMap<number, ByteReader>;
}

function buildColumns(id: TableId, sources: ColumnSources): MappedColumn[] {
  const { raw, names, extras } = sources;
  const textCollations = readCollations(
    raw,
    (column) => isCharacter(column) || (sources.countsSpatial && column.type === TYPE.geometry),
    extras.get(META.defaultCharset),
    extras.get(META.columnCharset),
  );
  const memberCollations = readCollations(
    raw,
    isEnumOrSet,
    extras.get(META.enumSetDefaultCharset),
    extras.get(META.enumSetColumnCharset),
  );
  const unsigned = readSignedness(raw, extras.get(META.signedness));
  const enums = readMemberLists(extras.get(META.enumMembers));
  const sets = readMemberLists(extras.get(META.setMembers));
  return raw.map((column, i) => {
    const name = names[i] as string;
    const refuse = (what: string): Error => unsupported(id, name, what);
    const charsetOf = (collation: number | undefined): string =>
      sources.collations.get(collation ?? -1) ?? `of collation ${collation ?? "unknown"}`;
    if (isEnumOrSet(column)) {
      const list = (column.realType === TYPE.enum ? enums : sets).shift();
      if (list === undefined) throw corrupt(`${formatTableId(id)}.${name} has no list of members`);
      const charset = textCharset(charsetOf(memberCollations.get(i)), refuse);
      const what = `the list of members of ${formatTableId(id)}.${name}`;
      const members = list.map((member) => decodeName(member, { charset, charsets: sources.charsets, what }));
      return {
        name,
        type: { kind: column.realType === TYPE.enum ? "enum" : "set", members },
        lengthBytes: 0,
      };
    }
    if (isCharacter(column)) {
      const found = characterColumn(column, charsetOf(textCollations.get(i)), refuse);
      const { type } = found;
      const own = storedText(column.meta, { name, type, known: sources.known });
      if (own !== null) return { name, ...found, ...own };
      if (type.kind !== "text" || isPlainCharset(type.charset)) return { name, ...found };
      return { name, ...found, table: tableOf(type.charset, sources.charsets) };
    }
    if (column.type === TYPE.geometry || column.type === TYPE.vector) {
      const form = column.type === TYPE.geometry ? "geometry" : "vector";
      return { name, type: { kind: "bytes", form, length: null }, lengthBytes: column.meta };
    }
    if (column.type === TYPE.json) return { name, type: { kind: "json" }, lengthBytes: column.meta };
    const type = fixedType(column, unsigned.has(i), refuse);
    const isHidden = isHiddenColumn(sources.known, name);
    return { name, type, lengthBytes: 0, ...(isHidden ? { isHidden } : {}) };
  });
}

function readSignedness(columns: readonly RawColumn[], r: ByteReader | undefined): ReadonlySet<number> {
  const unsigned = new Set<number>();
  if (r === undefined) return unsigned;
  const bits = r.take(r.left);
  columns
    .flatMap((c, i) => (isNumeric(c) ? [i] : []))
    .forEach((index, i) => {
      if (((bits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) unsigned.add(index);
    });
  return unsigned;
}

function decodeName(
  bytes: Uint8Array,
  {
    charset,
    charsets,
    what,
  }: { readonly charset: TextCharset; readonly charsets: Charsets; readonly what: string },
): string {
  if (charset === "latin1") return new TextDecoder("windows-1252").decode(bytes);
  if (isPlainCharset(charset)) return Buffer.from(bytes).toString("utf8");
  return decodeText(tableOf(charset, charsets), bytes, what);
}

/** Those that the tables have in the catalogue were read when the stream began. */
function tableOf(charset: TextCharset, charsets: Charsets): CharsetTable {
  const table = charsets.get(charset);
  if (table !== undefined) return table;
  throw syncError(
    "TABLE_SCHEMA_CHANGED",
    `a column came into the character set ${charset} while the binlog was read`,
    {
      hint: "`tallylake resnapshot` takes the snapshot of its table again",
    },
  );
}

function textCharset(charset: string, refuse: (what: string) => Error): TextCharset {
  const known = TEXT_CHARSETS.find((c) => c === charset);
  if (known === undefined) throw refuse(`the character set ${charset}`);
  return known;
}

function characterColumn(
  column: RawColumn,
  charset: string,
  refuse: (what: string) => Error,
): Pick<MappedColumn, "type" | "lengthBytes" | "stored"> {
  const isPacked = column.type === TYPE.blobPacked || column.type === TYPE.varcharPacked;
  const isBlob = column.type === TYPE.blob || column.type === TYPE.blobPacked;
  const lengthBytes = isBlob ? column.meta : column.meta < 256 ? 1 : 2;
  const isVarchar = column.type === TYPE.varchar || column.type === TYPE.varcharPacked;
  const packing = isPacked ? { stored: unpackValue } : {};
  if (charset === "binary") {
    const form = isBlob ? "blob" : isVarchar ? "varbinary" : "binary";
    // Before a packed value stands a byte that says how.
    const length = isBlob ? null : column.meta - (isPacked ? 1 : 0);
    return { type: { kind: "bytes", form, length }, lengthBytes, ...packing };
  }
  const form = isBlob ? "text" : isVarchar ? "varchar" : "char";
  return { type: { kind: "text", form, charset: textCharset(charset, refuse) }, lengthBytes, ...packing };
}

const INT_BYTES: ReadonlyMap<number, 1 | 2 | 3 | 4 | 8> = new Map([
  [TYPE.tiny, 1],
  [TYPE.short, 2],
  [TYPE.int24, 3],
  [TYPE.long, 4],
  [TYPE.longLong, 8],
]);

function fixedType(column: RawColumn, unsigned: boolean, refuse: (what: string) => Error): ColumnType {
  const bytes = INT_BYTES.get(column.type);
  if (bytes !== undefined) return { kind: "int", bytes, unsigned };
  switch (column.type) {
    case TYPE.newDecimal:
      return { kind: "decimal", precision: column.meta & 0xff, scale: column.meta >> 8 };
    case TYPE.float:
      return { kind: "float" };
    case TYPE.double:
      return { kind: "double" };
    case TYPE.bit:
      return { kind: "bit", bits: (column.meta & 0xff) + (column.meta >> 8) * 8 };
    case TYPE.date:
      return { kind: "date" };
    case TYPE.time2:
      return { kind: "time", fsp: column.meta };
    case TYPE.datetime2:
      return { kind: "datetime", fsp: column.meta };
    case TYPE.timestamp2:
      return { kind: "timestamp", fsp: column.meta };
    case TYPE.year:
      return { kind: "year" };
    default:
      throw refuse(`the binlog type ${column.type}`);
  }
}

function unsupported(id: TableId, column: string, what: string): Error {
  return syncError(
    "TABLE_TYPE_UNSUPPORTED",
    `${formatTableId(id)}.${column} has ${what}, which cannot be kept exactly`,
    {
      hint: "leave the table out with `exclude`, or change the column; `tallylake check --types` lists what is supported",
    },
  );
}
