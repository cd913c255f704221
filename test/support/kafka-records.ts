import type { RecordBlock, Spans } from "../../src/channel/kafka/record-block.ts";

/** A record of Kafka; its texts are bytes, one for each character. */
export interface KafkaRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly header: string | null;
}

/** A block of these records; between them is something that belongs to none. */
export function blockOf(records: readonly KafkaRecord[]): RecordBlock {
  const pieces: Buffer[] = [];
  let position = 0;
  const add = (text: string): void => {
    pieces.push(Buffer.from(text, "latin1"));
    position += text.length;
  };
  const spans = (): Spans => ({
    start: new Int32Array(records.length),
    end: new Int32Array(records.length),
  });
  const block = { keys: spans(), values: spans(), headers: spans() };
  const put = (into: Spans, i: number, text: string | null): void => {
    add("#");
    into.start[i] = text === null ? -1 : position;
    if (text !== null) add(text);
    into.end[i] = text === null ? -1 : position;
  };
  records.forEach(({ key, value, header }, i) => {
    put(block.headers, i, header);
    put(block.keys, i, key);
    put(block.values, i, value);
  });
  return { count: records.length, bytes: Buffer.concat(pieces), ...block };
}

export function recordsOf(block: RecordBlock): readonly KafkaRecord[] {
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  const text = ({ start, end }: Spans, i: number): string | null =>
    (start[i] as number) < 0 ? null : bytes.toString("latin1", start[i], end[i]);
  return Array.from({ length: block.count }, (_, i) => ({
    key: text(block.keys, i),
    value: text(block.values, i),
    header: text(block.headers, i),
  }));
}
