import type { ColumnType, TableSchema } from "../../types/table-schema.ts";
import type { MappedColumn } from "../table-map.ts";
import { fixedText } from "./stored-value.ts";

/** What MariaDB computes to keep a column unique that is too long for an index. */
const HIDDEN_NAME = /^DB_ROW_HASH_\d+$/;

const isKnown = (known: TableSchema | null, name: string): boolean =>
  known?.columns.some((column) => column.name === name) === true;

export const isHiddenColumn = (known: TableSchema | null, name: string): boolean =>
  HIDDEN_NAME.test(name) && !isKnown(known, name);

/** Of MariaDB's types of a text that it stores as a BINARY, which look like one. */
export function storedText(
  size: number,
  {
    name,
    type,
    known,
  }: { readonly name: string; readonly type: ColumnType; readonly known: TableSchema | null },
): Pick<MappedColumn, "type" | "stored"> | null {
  if (type.kind !== "bytes" || type.form !== "binary") return null;
  const shown = known?.columns.find((other) => other.name === name)?.type;
  if (shown?.kind !== "text") return null;
  const stored = fixedText(shown.form, size);
  return stored === null ? null : { type: shown, stored };
}
