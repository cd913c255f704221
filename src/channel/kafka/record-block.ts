/** Where some byte strings of a block lie: length `count` each. A start of -1 stands for none at all. */
export interface Spans {
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/**
 * Records of one partition, in order, as places in one buffer. No record is an object on its way through.
 * Of the headers only the one that we write is kept.
 */
export interface RecordBlock {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly keys: Spans;
  readonly values: Spans;
  /** The value of the header `RECORD_HEADER`. */
  readonly headers: Spans;
}

/** One record without a key. */
export function textBlock(text: string): RecordBlock {
  const bytes = Buffer.from(text);
  const none = { start: Int32Array.of(-1), end: Int32Array.of(-1) };
  const value = { start: Int32Array.of(0), end: Int32Array.of(bytes.length) };
  return { count: 1, bytes, keys: none, values: value, headers: none };
}

/** Records as a broker has them: all of one producer. */
export interface FetchedBlock extends RecordBlock {
  /** Length `count`, rising. */
  readonly offsets: Float64Array;
  /** Null where the client does not tell. */
  readonly producer: ProducerIdentity | null;
  /** Whether it has its memory for itself. */
  readonly isAlone: boolean;
}

/** Who wrote a record batch: each producer has an id, and each of its lives an epoch. */
export interface ProducerIdentity {
  /** A 64-bit integer as text. */
  readonly id: string;
  readonly epoch: number;
}

/** The one header of our records (`record-header.ts` says what is in it). */
export const RECORD_HEADER = "tallylake";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}
