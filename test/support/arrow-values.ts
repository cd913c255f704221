import { tableFromIPC, type Table, type Vector } from "apache-arrow";

/** What an Arrow stream holds, read with the library: names, types, and every value without loss. */
export interface ArrowContent {
  readonly fields: readonly (readonly [name: string, type: string])[];
  readonly batches: readonly number[];
  readonly columns: readonly (readonly unknown[])[];
}

export function readArrow(pieces: readonly Uint8Array[]): ArrowContent {
  const table: Table = tableFromIPC(Buffer.concat(pieces));
  return {
    fields: table.schema.fields.map((field) => [field.name, String(field.type)]),
    batches: table.batches.map((batch) => batch.numRows),
    columns: table.schema.fields.map((_, i) => {
      const vector = table.getChildAt(i);
      return vector === null ? [] : columnValues(vector);
    }),
  };
}

/** The library turns some values into doubles, so numbers of fixed width are taken from its buffers. */
function columnValues(vector: Vector): readonly unknown[] {
  let before = 0;
  return vector.data.flatMap((data) => {
    const first = before;
    before += data.length;
    const type = String(data.type);
    const { values } = data as { readonly values: ArrayLike<unknown> | undefined };
    return Array.from({ length: data.length }, (_, row) =>
      data.getValid(row) ? valueAt(type, { values, row, whole: vector.get(first + row) as unknown }) : null,
    );
  });
}

function valueAt(
  type: string,
  at: { readonly values: ArrayLike<unknown> | undefined; readonly row: number; readonly whole: unknown },
): unknown {
  const { values, row, whole } = at;
  if (values instanceof Uint32Array && type.startsWith("Decimal")) return decimalAt(values, row);
  if (/^(U?Int|Float|Date|Time)/.test(type)) return values?.[row];
  return whole instanceof Uint8Array ? Buffer.from(whole).toString("hex") : whole;
}

/** The unscaled integer: four words, the least significant first. */
function decimalAt(words: Uint32Array, row: number): bigint {
  let value = 0n;
  for (let i = 3; i >= 0; i--) value = (value << 32n) | BigInt(words[row * 4 + i] ?? 0);
  return BigInt.asIntN(128, value);
}
