import { OP_CODE, type ChangeBatch } from "../../src/types/change-batch.ts";
import { must } from "../../src/util/assert.ts";
import { batchRows } from "./batch-lines.ts";

/**
 * A change of a table of two columns, `id` and `v`, as somebody who reads the binlog sees it. A changed key is a delete
 * and a create; of a delete only the key counts.
 */
export interface SeenChange {
  readonly op: "c" | "u" | "d";
  readonly id: number;
  /** The value as plain text, of strings without quotes and escapes; null for NULL, and of a delete. */
  readonly cell: string | null;
}

/** The changes as capture has them. */
export function capturedChanges(batches: readonly ChangeBatch[]): readonly SeenChange[] {
  return batches.flatMap((batch) => {
    const rows = batchRows(batch);
    return Array.from(batch.op, (code, i): SeenChange => {
      const row = must(rows[i], "a row");
      const [head = "", id = ""] = /^\{"id":(-?\d+)/.exec(row) ?? [];
      if (code === OP_CODE.d) return { op: "d", id: Number(id), cell: null };
      // A number has more digits than JSON.parse would leave of it.
      const json = row.slice(head.length + ',"v":'.length, -1);
      const cell = json === "null" ? null : json.startsWith('"') ? String(JSON.parse(json)) : json;
      return { op: code === OP_CODE.u ? "u" : "c", id: Number(id), cell };
    });
  });
}

/** An update, which is two changes where the key has changed. */
export function updated(before: number, after: Omit<SeenChange, "op">): readonly SeenChange[] {
  if (before === after.id) return [{ op: "u", ...after }];
  return [
    { op: "d", id: before, cell: null },
    { op: "c", ...after },
  ];
}
