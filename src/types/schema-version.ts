import { createHash } from "node:crypto";
import type { ColumnType } from "./table-schema.ts";

/**
 * Names the shape of a table's rows: 16 hex digits over the names and types of the columns in order, and the
 * key. It depends only on what both the catalogue and a TABLE_MAP event know, so that the two can be compared. What
 * the key is belongs to it where that is no primary key on whole columns: a unique index, or the prefixes.
 */
export function schemaVersion(
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
  primaryKey: readonly string[],
  keyForm?: "unique" | readonly number[],
): string {
  const parts = [columns.map((c) => [c.name, typeText(c.type)]), primaryKey];
  const text = JSON.stringify(keyForm === undefined ? parts : [...parts, keyForm]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** Fields of the type in sorted order, so that the digest does not depend on how the object was built. */
const typeText = (type: ColumnType): unknown =>
  Object.entries(type)
    .map(([field, value]: [string, unknown]) => [field, Array.isArray(value) ? value.map(bmpText) : value])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

/** The catalogue's columns are utf8mb3: it shows `?` for each character of a member that needs four bytes. */
const bmpText = (member: unknown): string => String(member).replace(/[\u{10000}-\u{10ffff}]/gu, "?");
