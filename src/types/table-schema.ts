import type { TableId } from "./table-id.ts";

/** Character sets whose bytes are UTF-8, or become so by a few fixed rules. */
const PLAIN_CHARSETS = ["utf8mb4", "utf8mb3", "latin1", "ascii"] as const;

/** The character sets of MySQL and MariaDB; one that is not among them is refused by name. */
export const TEXT_CHARSETS = [
  ...PLAIN_CHARSETS,
  ...(["armscii8", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8"] as const),
  ...(["geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin2", "latin5"] as const),
  ...(["latin7", "macce", "macroman", "swe7", "tis620"] as const),
  ...(["big5", "cp932", "euckr", "gb2312", "gbk", "sjis", "eucjpms", "ujis", "gb18030"] as const),
  ...(["ucs2", "utf16", "utf16le", "utf32"] as const),
] as const;
export type TextCharset = (typeof TEXT_CHARSETS)[number];

/** Whether a text of this set is read without a table of it. */
export const isPlainCharset = (charset: TextCharset): charset is (typeof PLAIN_CHARSETS)[number] =>
  PLAIN_CHARSETS.some((plain) => plain === charset);

/**
 * Types of binary values. GEOMETRY and all types below it are MySQL's own form: the SRID in 4 bytes, little-endian, then
 * WKB. VECTOR is its 32-bit floats, little-endian. Neither the subtype nor the SRID or dimension that a column is
 * restricted to changes what its values are.
 */
export const BYTES_FORMS = ["binary", "varbinary", "blob", "geometry", "vector"] as const;
export type BytesForm = (typeof BYTES_FORMS)[number];

/** MariaDB's own types of texts, which it stores, sorts and takes as bytes. */
const BINARY_TEXT_FORMS = ["uuid", "inet4", "inet6"] as const;
export const TEXT_FORMS = ["char", "varchar", "text", ...BINARY_TEXT_FORMS] as const;
export type TextForm = (typeof TEXT_FORMS)[number];

export const isBinaryText = (form: TextForm): boolean => BINARY_TEXT_FORMS.some((known) => known === form);

/** A column type of MySQL, reduced to what decides its bytes and its canonical text. */
export type ColumnType =
  | { readonly kind: "int"; readonly bytes: 1 | 2 | 3 | 4 | 8; readonly unsigned: boolean }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "float" }
  | { readonly kind: "double" }
  | { readonly kind: "bit"; readonly bits: number }
  | { readonly kind: "text"; readonly form: TextForm; readonly charset: TextCharset }
  /** `length` is the declared length of BINARY and VARBINARY, and null for the others. */
  | { readonly kind: "bytes"; readonly form: BytesForm; readonly length: number | null }
  | { readonly kind: "date" }
  | { readonly kind: "time"; readonly fsp: number }
  | { readonly kind: "datetime"; readonly fsp: number }
  | { readonly kind: "timestamp"; readonly fsp: number }
  | { readonly kind: "year" }
  | { readonly kind: "enum"; readonly members: readonly string[] }
  | { readonly kind: "set"; readonly members: readonly string[] }
  | { readonly kind: "json" };

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** As MySQL writes it, for people: `decimal(10,2) unsigned`. */
  readonly mysqlType: string;
}

/** The index that is the key, when the table's primary key on whole columns is not. */
export interface KeyIndex {
  /** `PRIMARY`, or that of a unique index. */
  readonly name: string;
  /** For each column how many characters or bytes the index is unique on; 0 for all of them. */
  readonly prefixes: readonly number[];
}

/**
 * A table as the binlog and a `SELECT` of all columns show it. Two schemas with the same `version`
 * describe the same rows, so the version is a digest of what is below (and not a counter).
 */
export interface TableSchema {
  readonly id: TableId;
  readonly columns: readonly Column[];
  /** Names of the columns by which rows are told apart, in the order of the index. Never empty. */
  readonly primaryKey: readonly string[];
  /** Only where that is not a primary key on whole columns. */
  readonly keyIndex?: KeyIndex | undefined;
  readonly version: string;
}
