import type { ErrorCode } from "../types/errors.ts";
import { TEXT_CHARSETS, type ColumnType, type TextCharset } from "../types/table-schema.ts";

/** A row of `information_schema.COLUMNS`, as far as it tells the type. */
export interface CatalogueType {
  readonly dataType: string;
  readonly columnType: string;
  /** Null for types without one; `binary` text types are shown as BINARY, VARBINARY and BLOB. */
  readonly charset: string | null;
  readonly precision: number;
  readonly scale: number;
  readonly fsp: number;
  readonly length: number;
}

/** Why a column cannot be kept: the code, and the type or character set by name. */
export interface TypeRefusal {
  readonly code: Extract<ErrorCode, "TABLE_TYPE_UNSUPPORTED" | "TABLE_CHARSET_UNSUPPORTED">;
  readonly what: string;
}

export type TypeReading =
  | { readonly type: ColumnType; readonly refusal: null }
  | { readonly type: null; readonly refusal: TypeRefusal };

const INT_BYTES: ReadonlyMap<string, 1 | 2 | 3 | 4 | 8> = new Map([
  ["tinyint", 1],
  ["smallint", 2],
  ["mediumint", 3],
  ["int", 4],
  ["bigint", 8],
]);

/** MySQL and MariaDB spell the collection in two ways. */
const SPATIAL: ReadonlySet<string> = new Set([
  ...["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"],
  ...["geomcollection", "geometrycollection"],
]);

const OLD_TEMPORAL = /^(time|datetime|timestamp)\b.*\/\* mariadb-5\.3 \*\//;

/** Length and NULLs aside, what a column's values are; or the name of what we do not support. */
export function readColumnType(from: CatalogueType): TypeReading {
  // MariaDB marks what it still stores as it did before it knew fractions of a second.
  if (OLD_TEMPORAL.test(from.columnType)) return refuse("TABLE_TYPE_UNSUPPORTED", from.columnType);
  const bytes = INT_BYTES.get(from.dataType);
  if (bytes !== undefined) return read({ kind: "int", bytes, unsigned: / unsigned\b/.test(from.columnType) });
  switch (from.dataType) {
    case "decimal":
      return read({ kind: "decimal", precision: from.precision, scale: from.scale });
    case "float":
    case "double":
    case "date":
    case "year":
    case "json":
      return read({ kind: from.dataType });
    case "bit":
      return read({ kind: "bit", bits: from.precision });
    case "time":
    case "datetime":
    case "timestamp":
      return read({ kind: from.dataType, fsp: from.fsp });
    case "binary":
    case "varbinary":
      return read({ kind: "bytes", form: from.dataType, length: from.length });
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return read({ kind: "bytes", form: "blob", length: null });
    case "vector":
      return read({ kind: "bytes", form: "vector", length: null });
    case "char":
    case "varchar":
      return readText(from.dataType, from);
    case "tinytext":
    case "text":
    case "mediumtext":
    case "longtext":
      return readText("text", from);
    case "uuid":
    case "inet4":
    case "inet6":
      return read({ kind: "text", form: from.dataType, charset: "ascii" });
    case "enum":
    case "set":
      return readMembers(from.dataType, from);
    default:
      return SPATIAL.has(from.dataType)
        ? read({ kind: "bytes", form: "geometry", length: null })
        : refuse("TABLE_TYPE_UNSUPPORTED", from.columnType);
  }
}

const read = (type: ColumnType): TypeReading => ({ type, refusal: null });

const refuse = (code: TypeRefusal["code"], what: string): TypeReading => ({
  type: null,
  refusal: { code, what },
});

function readText(form: "char" | "varchar" | "text", from: CatalogueType): TypeReading {
  const charset = textCharset(from.charset);
  return charset === null ? refuseCharset(from) : read({ kind: "text", form, charset });
}

function readMembers(kind: "enum" | "set", from: CatalogueType): TypeReading {
  if (textCharset(from.charset) === null) return refuseCharset(from);
  return read({ kind, members: parseMembers(from.columnType) });
}

const refuseCharset = (from: CatalogueType): TypeReading =>
  refuse("TABLE_CHARSET_UNSUPPORTED", from.charset ?? "binary");

/** Before 8.0.30 the catalogue called utf8mb3 `utf8`. */
function textCharset(charset: string | null): TextCharset | null {
  const name = charset === "utf8" ? "utf8mb3" : charset;
  return TEXT_CHARSETS.find((known) => known === name) ?? null;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["''", "'"],
  ["\\\\", "\\"],
  ["\\0", "\0"],
  ["\\n", "\n"],
  ["\\r", "\r"],
]);

/**
 * Members of `enum('a','b''c')`. The catalogue writes them with these escapes whatever the SQL mode is, and
 * with `?` for a character that needs four bytes: the members are for people and for the schema's version.
 */
function parseMembers(columnType: string): readonly string[] {
  return Array.from(columnType.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs), (match) =>
    (match[1] ?? "").replace(/''|\\./gs, (escaped) => ESCAPES.get(escaped) ?? escaped),
  );
}
