import type { Digest } from "./digest.ts";

/**
 * The content of a table as digests that MySQL and the lake compute each for itself, in SQL.
 *
 * A row's text is, for each column in order, `N` for NULL, or else the column's text, joined by commas; a text
 * that may hold a comma has its byte length and a colon in front. The text of a column is the one that MySQL
 * prints: integers, BIT and YEAR as decimal digits, FLOAT as the double that it is, dates and times with their
 * fraction, binary types in upper-case hex. What may be long (TEXT, BLOB, JSON, spatial types, VECTOR) is replaced by its SHA-256.
 *
 * A row's hash is the first 64 bits of the SHA-256 of its text; its group the first byte of that of its key.
 * Grouping by a hash and not by ranges, nobody but MySQL has to know how its keys are ordered.
 */
export const DIGEST_GROUPS = 256;

/** One group of rows: how many, and sum (mod 2^64) and xor of their hashes. */
export interface GroupDigest {
  readonly group: number;
  readonly rows: number;
  readonly digest: Digest;
}

/** A row by its key's text, for naming what differs. */
export interface RowDigest {
  readonly key: string;
  /** 16 hex digits. */
  readonly hash: string;
}
