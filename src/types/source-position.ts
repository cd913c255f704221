import { z } from "zod";
import { GtidSet } from "./gtid.ts";

/**
 * What a reader remembers of the last transaction it has read, to recognise on the next connect that
 * the server still has the same history. GTID sets alone do not show a break: after a reset of the
 * binary logs the same numbers name other transactions.
 */
export interface LastTransaction {
  readonly gtid: string;
  /** Microseconds since 1970 at which it was committed where it was first executed. */
  readonly commitUs: number;
  /** xxHash64 (16 hex digits) over its row images and statements, the same on every server that has it. */
  readonly hash: string;
}

/** Where a reader of the binlog stands: always between two transactions of the source. */
export interface SourcePosition {
  /**
   * All transactions up to here, whether or not they touched a table that we keep, but for those in `prepared`: a
   * reader that goes on from here gets these once more.
   */
  readonly gtids: GtidSet;
  /** XA transactions that were read, are prepared and not decided; left out when there are none. */
  readonly prepared?: GtidSet;
  /** End of the last transaction in the binlog of the server it was read from. For people, and for the high watermark. */
  readonly file: string;
  readonly offset: number;
  /** The highest `seq` given out so far; the next change gets a greater one. */
  readonly seq: number;
  /** Null while no transaction has been read since the low watermark. */
  readonly last: LastTransaction | null;
}

/** An end of the binlog: `file` compared by its number, then `offset`. */
export interface BinlogOffset {
  readonly file: string;
  readonly offset: number;
}

/** `binlog.999999` comes before `binlog.1000000`; the base name may hold dots and never decides. */
export function compareBinlogOffset(a: BinlogOffset, b: BinlogOffset): number {
  const byFile = binlogFileNumber(a.file) - binlogFileNumber(b.file);
  return byFile === 0 ? a.offset - b.offset : byFile;
}

/** Whether a reader has everything up to there; a position that stands in no file is not known to. */
export const reachesOffset = (position: SourcePosition, end: BinlogOffset): boolean =>
  position.file !== "" && compareBinlogOffset(position, end) >= 0;

function binlogFileNumber(file: string): number {
  const match = /\.(\d+)$/.exec(file);
  if (match?.[1] === undefined) throw new RangeError(`not a binlog file name: ${JSON.stringify(file)}`);
  return Number(match[1]);
}

/** Everything that was read up to there: all that the source has executed, when there is nothing more to read. */
export const readUpTo = ({ gtids, prepared }: SourcePosition): GtidSet =>
  prepared === undefined ? gtids : gtids.union(prepared);

const safe = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const sourcePositionJson = z.strictObject({
  gtids: z.string(),
  prepared: z.string().optional(),
  file: z.string(),
  offset: safe,
  seq: safe,
  last: z
    .strictObject({ gtid: z.string(), commitUs: safe, hash: z.string().regex(/^[0-9a-f]{16}$/) })
    .nullable(),
});

export type SourcePositionJson = z.infer<typeof sourcePositionJson>;

export const encodeSourcePosition = (p: SourcePosition): SourcePositionJson => ({
  gtids: p.gtids.toString(),
  ...(p.prepared === undefined ? {} : { prepared: p.prepared.toString() }),
  file: p.file,
  offset: p.offset,
  seq: p.seq,
  last: p.last,
});

export const decodeSourcePosition = ({ prepared, ...json }: SourcePositionJson): SourcePosition => ({
  ...json,
  gtids: GtidSet.parse(json.gtids),
  ...(prepared === undefined ? {} : { prepared: GtidSet.parse(prepared) }),
});
