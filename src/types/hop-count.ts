import { z } from "zod";
import type { Digest } from "./digest.ts";

/**
 * The places of the path at which changes are counted.
 * `source` and `lake` are the two arms that are independent of the pipeline.
 */
export const HOPS = ["source", "capture", "produce", "consume", "dedup", "apply", "commit", "lake"] as const;
export type Hop = (typeof HOPS)[number];

/**
 * What is counted. At `source`, `capture`, `produce` and `consume`: the operations. At `dedup` what became
 * of them: `new` or `duplicate`. At `apply` the same for the new ones: every change is exactly one of
 * `applied`, `superseded`, `filtered`, `rolled_back`; `deleted` there says how many of the applied ones are
 * deletes. At `commit` and `lake`: rows of the table.
 */
export const COUNT_CLASSES = [
  "c",
  "u",
  "d",
  "r",
  "new",
  "duplicate",
  "applied",
  "superseded",
  "filtered",
  "rolled_back",
  "upserted",
  "inserted",
  "updated",
  "deleted",
  "rows_before",
  "rows_after",
] as const;
export type CountClass = (typeof COUNT_CLASSES)[number];

/** Counts of one hop, one class and one minute, inside one commit of one table. */
export interface HopCount {
  readonly hop: Hop;
  readonly class: CountClass;
  /** Minutes since 1970 of the source's commit time; 0 where a class has none (`rows_before`, `rows_after`). */
  readonly minute: number;
  readonly rows: number;
  /** Over the hash of the event ids. */
  readonly ids: Digest;
  /** Over the hash of event id and canonical row bytes; null where the hop does not see the bytes. */
  readonly content: Digest | null;
}

const hex = z.string().regex(/^[0-9a-f]{1,16}$/);
const digestJson = z.tuple([hex, hex]);

export const hopCountsJson = z.array(
  z.tuple([
    z.enum(HOPS),
    z.enum(COUNT_CLASSES),
    z.number().int().nonnegative(),
    z.number().int().nonnegative(),
    digestJson,
    digestJson.nullable(),
  ]),
);

type DigestJson = z.infer<typeof digestJson>;

const encodeDigest = (digest: Digest): DigestJson => [digest.sum.toString(16), digest.xor.toString(16)];
const decodeDigest = ([sum, xor]: DigestJson): Digest => ({
  sum: BigInt(`0x${sum}`),
  xor: BigInt(`0x${xor}`),
});

export function encodeHopCounts(counts: readonly HopCount[]): string {
  const json: z.infer<typeof hopCountsJson> = counts.map((count) => [
    count.hop,
    count.class,
    count.minute,
    count.rows,
    encodeDigest(count.ids),
    count.content === null ? null : encodeDigest(count.content),
  ]);
  return JSON.stringify(json);
}

/** @throws RangeError when the text is not a list of counts. */
export function decodeHopCounts(text: string): readonly HopCount[] {
  try {
    return hopCountsJson.parse(JSON.parse(text)).map(([hop, countClass, minute, rows, ids, content]) => ({
      hop,
      class: countClass,
      minute,
      rows,
      ids: decodeDigest(ids),
      content: content === null ? null : decodeDigest(content),
    }));
  } catch (error) {
    throw new RangeError(`not a list of counts: ${text.slice(0, 200)}`, { cause: error });
  }
}
