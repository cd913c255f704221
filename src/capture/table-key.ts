/**
 * By what the rows of a table are told apart: its primary key, or a unique index that the config allows in its place.
 *
 * Whatever the index is, the key of the lake is the stored values of its columns, byte by byte, and never what a
 * collation makes of them. That is exact although MySQL compares by collation and, for a key on prefixes, looks at
 * the first characters alone: no two rows of a table have equal keys there, so none have the same bytes, and the
 * image before an update or a delete carries the very bytes that stand in the lake. When an update changes them
 * ('abc' to 'ABC', or the text behind the prefix), it is a delete and a create.
 *
 *     what the config says              the key
 *     nothing                           the primary key
 *     `withoutPrimaryKey: unique`       the primary key; without one the usable unique index of the fewest columns,
 *                                       of those the first by name
 *     `key: [a, b]`                     the usable unique index, or primary key, of just these columns
 *
 * A unique index is usable when none of its columns may be NULL, since MySQL lets any number of rows share a NULL;
 * when it has no expression, whose value no row shows; and when it is visible, since the snapshot walks it.
 *
 * The binlog names with each table its primary key or, of a table without one, the first unique index that could be
 * it, and no other index. So that the index is still there is for the catalogue and DDL to tell, not for the events:
 * dropping it is an ALTER, at which the table stops.
 */
import type { KeyChoice } from "../types/key-choice.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId, quoteMysql, quoteMysqlTable } from "../types/table-id.ts";
import type { ColumnType } from "../types/table-schema.ts";
import type { KeyPart, TableFacts, UniqueIndex } from "./table-facts.ts";

export const PRIMARY = "PRIMARY";

/** The index by whose columns rows are told apart. */
export interface RowKey {
  readonly index: string;
  readonly parts: readonly KeyPart[];
}

/** Null when the table has no such index. */
export function rowKey(facts: Pick<TableFacts, "key" | "uniques">, choice: KeyChoice): RowKey | null {
  const primary = facts.key.length === 0 ? [] : [{ index: PRIMARY, parts: facts.key }];
  const unique = facts.uniques.filter(({ unusable }) => unusable === null).sort(byRule);
  const { key } = choice;
  if (key !== null) return [...primary, ...unique].find(({ parts }) => isOver(parts, key)) ?? null;
  return primary[0] ?? (choice.withoutPrimaryKey === "unique" ? (unique[0] ?? null) : null);
}

const byRule = (a: UniqueIndex, b: UniqueIndex): number =>
  a.parts.length - b.parts.length || (a.index < b.index ? -1 : 1);

/** MySQL does not tell upper from lower case in the names of columns. */
function isOver(parts: readonly KeyPart[], names: readonly string[]): boolean {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return wanted.size === parts.length && parts.every(({ column }) => wanted.has(column.toLowerCase()));
}

/**
 * Character sets of MySQL in which two codes stand for one character. Their texts are UTF-8 in the lake, where two
 * keys that differ in MySQL would be one.
 */
export const TWIN_CHARSETS: ReadonlySet<string> = new Set(["armscii8", "cp932", "eucjpms", "sjis", "ujis"]);

/** Everything about the key of a table that keeps it from being kept exactly. */
export function keyProblems(facts: TableFacts, choice: KeyChoice): readonly Problem[] {
  const key = rowKey(facts, choice);
  if (key === null) return [choice.key === null ? noPrimaryKey(facts, choice) : noSuchKey(facts, choice.key)];
  return key.parts.flatMap(({ column }) => {
    const found = facts.columns.find(({ name }) => name === column);
    if (found === undefined || found.type === null) return [];
    const why = ambiguity(found.type, found.collation);
    if (why === null) return [];
    const message = `the key holds ${formatTableId(facts.id)}.${column}, ${why}`;
    return [keyProblem(facts, message, `change the column's type, or ${LEAVE_OUT}`)];
  });
}

const LEAVE_OUT = "leave the table out with `exclude`";

/** Why two values that MySQL tells apart may have one text; null when none have. */
function ambiguity(type: ColumnType, collation: string | null): string | null {
  const charset = type.kind === "text" ? type.charset : (collation?.split("_")[0] ?? "");
  if (type.kind !== "bytes" && TWIN_CHARSETS.has(charset))
    return `a text in ${charset}, where two codes stand for one character`;
  const isListed = type.kind === "enum" || type.kind === "set";
  if (isListed && type.members.includes(""))
    return `whose member '' reads like the empty value of ${type.kind === "enum" ? "an ENUM" : "a SET"}`;
  return null;
}

function noPrimaryKey(facts: TableFacts, { withoutPrimaryKey }: KeyChoice): Problem {
  const name = formatTableId(facts.id);
  const usable = rowKey(facts, { key: null, withoutPrimaryKey: "unique" });
  const addKey = `ALTER TABLE ${quoteMysqlTable(facts.id)} ADD COLUMN row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY;`;
  const why =
    withoutPrimaryKey === "unique"
      ? `${name} has no primary key, and no unique index that could stand in for it${unusableText(facts.uniques)}`
      : `${name} has no primary key: its rows cannot be told apart`;
  const hint =
    usable === null
      ? addKey
      : `to take its unique index ${usable.index} as the key: \`withoutPrimaryKey: unique\` in \`overrides\` for this table; or ${addKey}`;
  return { code: "TABLE_NO_PRIMARY_KEY", table: facts.id, message: why, hint, severity: "error" };
}

const unusableText = (uniques: readonly UniqueIndex[]): string =>
  uniques.length === 0
    ? ""
    : ` (${uniques.map((unique) => `${unique.index}: ${unique.unusable}`).join("; ")})`;

function noSuchKey(facts: TableFacts, key: readonly string[]): Problem {
  const list = key.join(", ");
  const near = facts.uniques.filter(({ parts }) => isOver(parts, key));
  const message = `${formatTableId(facts.id)} has no unique index that tells its rows apart by just (${list}), which the config names as its key${unusableText(near)}`;
  const columns = key.map(quoteMysql).join(", ");
  const hint =
    near.length === 0
      ? `name the columns of a UNIQUE index without NULLs in \`key\`, or ALTER TABLE ${quoteMysqlTable(facts.id)} ADD UNIQUE (${columns});`
      : `ALTER TABLE ${quoteMysqlTable(facts.id)} so that the columns of the index are NOT NULL and it is visible, or name another one in \`key\``;
  return keyProblem(facts, message, hint);
}

const keyProblem = ({ id }: TableFacts, message: string, hint: string): Problem => ({
  ...{ code: "TABLE_KEY_UNSUPPORTED", table: id, message, hint, severity: "error" as const },
});
