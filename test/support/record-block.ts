import type { RecordBlock, Spans } from "../../src/channel/kafka/record-block.ts";

export interface PlainRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly header: string | null;
}

/** A block of these records. */
export function recordBlock(records: readonly PlainRecord[]): RecordBlock {
  const pieces: Buffer[] = [];
  let at = 0;
  const place = (text: string | null): readonly [number, number] => {
    if (text === null) return [-1, -1];
    const bytes = Buffer.from(text);
    pieces.push(bytes);
    at += bytes.length;
    return [at - bytes.length, at];
  };
  const spans = (of: (record: PlainRecord) => string | null): Spans => {
    const places = records.map((record) => place(of(record)));
    return {
      start: Int32Array.from(places, ([start]) => start),
      end: Int32Array.from(places, ([, end]) => end),
    };
  };
  const keys = spans(({ key }) => key);
  const values = spans(({ value }) => value);
  const headers = spans(({ header }) => header);
  return { count: records.length, bytes: Buffer.concat(pieces), keys, values, headers };
}
