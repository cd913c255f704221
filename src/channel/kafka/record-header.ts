/**
 * The header of our records: what our reader needs to know of a change without looking into its value,
 *
 *     <op> <seq> <row> <commit time in us> <schema version> <transaction id>#<table>#<n>[/d|/c]
 *
 * in text, so that any consumer can show it; the last word is the event id. `row` is where in the value the row begins
 * that a table takes, and 0 where that is the key.
 */
import { syncError } from "../../types/errors.ts";
import type { TableId } from "../../types/table-id.ts";
import { formatTableId } from "../../types/table-id.ts";
import type { FetchedBlock, TopicPartition } from "./record-block.ts";

/** What all changes of one table in one transaction share. */
export interface ChangeContext {
  readonly gtid: string;
  readonly commitUs: number;
  readonly version: string;
  /** Its text; several tables can have the same, so the reader asks for it by `formatTableId`. */
  readonly table: string;
}

export interface RecordPlace extends TopicPartition {
  readonly offset: number;
}

/** Where a record of a block is, for an error. */
export const placeOf = (block: FetchedBlock, index: number, target: TopicPartition): RecordPlace => ({
  ...target,
  offset: block.offsets[index] as number,
});

const SPACE = 0x20;
const HASH = 0x23;
const SLASH = 0x2f;
const ZERO = 0x30;

/** Reads headers one after another. What it found of the last one stands in its fields. */
export class HeaderReader {
  readonly #idPrefix: string;
  /** Character code of the operation. */
  op = 0;
  seq = 0;
  /** Where the digits of `seq` and `n` stand. */
  seqStart = 0;
  seqEnd = 0;
  n = 0;
  nStart = 0;
  nEnd = 0;
  row = 0;
  context: ChangeContext = { gtid: "", commitUs: 0, version: "", table: "" };
  /** The bytes that gave `context`. */
  #seen: Uint8Array = new Uint8Array(0);

  /** `idPrefix` is what all transaction ids of the source begin with: `shop/1/`. */
  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  /** @throws SyncError KAFKA_FOREIGN_RECORD */
  read(block: FetchedBlock, index: number, target: TopicPartition): void {
    const { bytes, headers } = block;
    const from = headers.start[index] as number;
    const to = headers.end[index] as number;
    if (from < 0) throw foreign(placeOf(block, index, target), "it lacks the header `tallylake`");
    this.op = bytes[from] as number;
    let p = from + 2;
    this.seqStart = p;
    let seq = 0;
    for (; p < to && bytes[p] !== SPACE; p++) seq = seq * 10 + ((bytes[p] as number) - ZERO);
    this.seq = seq;
    this.seqEnd = p;
    let row = 0;
    for (p++; p < to && bytes[p] !== SPACE; p++) row = row * 10 + ((bytes[p] as number) - ZERO);
    this.row = row;
    const shared = p + 1;
    let end = to;
    if (bytes[to - 2] === SLASH) end -= 2;
    this.nEnd = end;
    let n = 0;
    let scale = 1;
    let q = end - 1;
    for (; q > shared && bytes[q] !== HASH; q--) {
      n += ((bytes[q] as number) - ZERO) * scale;
      scale *= 10;
    }
    this.nStart = q + 1;
    this.n = n;
    if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(n) || !(q > shared)) {
      const place = placeOf(block, index, target);
      throw foreign(place, `its header is ${JSON.stringify(textOf(bytes, from, Math.min(to, from + 100)))}`);
    }
    if (!this.#isSeen(bytes, shared, q)) this.#parse(bytes, shared, q, placeOf(block, index, target));
  }

  #isSeen(bytes: Uint8Array, from: number, to: number): boolean {
    const seen = this.#seen;
    if (seen.length !== to - from) return false;
    // What differs from row to row differs at the end.
    for (let i = seen.length - 1; i >= 0; i--) if (seen[i] !== bytes[from + i]) return false;
    return true;
  }

  #parse(bytes: Uint8Array, from: number, to: number, place: RecordPlace): void {
    const text = textOf(bytes, from, to);
    const match = /^(\d{1,16}) ([0-9a-f]{1,32}) (.+)$/su.exec(text);
    const id = match?.[3] ?? "";
    const gtidFrom = this.#idPrefix.length;
    const hash = id.indexOf("#", gtidFrom);
    if (match === null || !id.startsWith(this.#idPrefix) || hash < 0) {
      throw foreign(place, `its header names ${JSON.stringify(text)}, which is not of ${this.#idPrefix}`);
    }
    this.#seen = bytes.slice(from, to);
    this.context = {
      gtid: id.slice(gtidFrom, hash),
      commitUs: Number(match[1]),
      version: match[2] ?? "",
      table: id.slice(hash + 1),
    };
  }
}

const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString();

export const foreign = ({ topic, partition, offset }: RecordPlace, why: string): Error =>
  syncError(
    "KAFKA_FOREIGN_RECORD",
    `${topic}/${partition} at offset ${offset} is not a record of ours: ${why}`,
    {
      hint: "find out who writes to this topic and stop it; remove all topics of this pipeline and start `capture` again",
    },
  );

/** The name by which headers call a table. */
export const headerTable = (table: TableId): string => formatTableId(table);
