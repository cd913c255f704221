/**
 * Hudi's bucket index (SIMPLE engine): a row's bucket is the Java hash of its key values, modulo the number
 * of buckets, which is fixed when the table is made. `bucket-sql.ts` computes the same in SQL; the functions
 * here are its reference and follow Hudi 1.x, which takes the values back out of the record key's text.
 * (0.15 parses that text in another way: it finds other buckets for a value that holds `:` or `,`.)
 */
import { assert } from "../util/assert.ts";

/** A base file is rewritten as a whole, so it should stay small; too many small ones are slow to read. */
const BUCKET_BYTES = 128 * 1024 * 1024;
/** More would make a table of this size unusable for every reader; its buckets just grow. */
const BUCKETS_MAX = 4096;

/** Buckets for a table whose rows take `dataBytes` in MySQL (`data_length`). */
export const bucketCountFor = (dataBytes: number): number =>
  Math.min(BUCKETS_MAX, Math.max(1, Math.ceil(dataBytes / BUCKET_BYTES)));

/** `String.hashCode()` over UTF-16 units, as an unsigned number. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash >>> 0;
}

/** `List.hashCode()` of the hashes of its strings; a null counts as 0. */
export function javaListHash(values: readonly (string | null)[]): number {
  let hash = 1;
  for (const value of values) {
    hash = (Math.imul(31, hash) + (value === null ? 0 : javaStringHash(value))) | 0;
  }
  return hash >>> 0;
}

export function bucketOf(recordKey: string, keyColumns: readonly string[], buckets: number): number {
  assert(buckets >= 1, "a table has at least one bucket");
  return (javaListHash(hashValues(recordKey, keyColumns)) & 0x7fffffff) % buckets;
}

/** The values that Hudi 1.x hashes, from a record key `a:1,b:2`. A key of one column is its bare value. */
export function hashValues(recordKey: string, keyColumns: readonly string[]): readonly (string | null)[] {
  if (keyColumns.length === 1) return [recordKey];
  const values: (string | null)[] = [];
  let from = 0;
  while (from < recordKey.length) {
    const colon = recordKey.indexOf(":", from);
    if (colon < 0) break;
    const comma = valueEnd(recordKey, colon);
    const end = comma ?? recordKey.length;
    if (keyColumns.includes(recordKey.slice(from, colon))) {
      values.push(placeholderValue(recordKey.slice(colon + 1, end)));
    }
    from = end + 1;
  }
  return values;
}

/** The last comma before the first colon that has one between itself and `colon`; null when there is none. */
function valueEnd(recordKey: string, colon: number): number | null {
  let next = recordKey.indexOf(":", colon + 1);
  while (next >= 0) {
    const comma = recordKey.lastIndexOf(",", next);
    if (comma > colon) return comma;
    next = recordKey.indexOf(":", next + 1);
  }
  return null;
}

const placeholderValue = (value: string): string | null =>
  value === "__null__" ? null : value === "__empty__" ? "" : value;
