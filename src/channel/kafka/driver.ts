/**
 * The data path of a Kafka client, as much of it as the channel needs: one transactional producer, and reading a
 * partition from an offset without a consumer group. Two clients implement it, `kafkajs/` and `librdkafka/`, and one
 * contract suite holds both. Everything about topics, configuration and state of the cluster is asked by
 * `KafkaControl` and does not depend on the client.
 *
 * Errors are SyncErrors with a KAFKA_ code. After any of them a producer is good for `close` only: what became of its
 * transaction is found out by a new producer of the same transactional id, whose opening ends the old one's
 * transaction, and by reading what is committed.
 */
import type { SyncError } from "../../util/errors.ts";
import type { FetchedBlock, ProducerIdentity, RecordBlock, TopicPartition } from "./record-block.ts";

export const KAFKA_CLIENTS = ["kafkajs", "librdkafka"] as const;
export type KafkaClientName = (typeof KAFKA_CLIENTS)[number];

export const COMPRESSIONS = ["none", "gzip", "lz4", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface KafkaDriver {
  readonly name: KafkaClientName;
  /**
   * Opens the one producer of a transactional id: earlier ones are fenced off, and what they left open is aborted
   * before this resolves.
   */
  openProducer(options: ProducerOptions): Promise<TransactionalProducer>;
  /** `committed` leaves out the records of aborted transactions and waits behind those that are open. */
  openReader(isolation: Isolation): Promise<RecordReader>;
  close(): Promise<void>;
}

export type Isolation = "committed" | "uncommitted";

export interface ProducerOptions {
  readonly transactionalId: string;
  /** The broker aborts a transaction that is open for longer. */
  readonly transactionTimeoutMs: number;
  readonly compression: Compression;
  /** Longest request, which is also the longest record batch; the topics' `max.message.bytes` allow it. */
  readonly batchBytesMax: number;
  /** Longest wait for a broker before the producer gives up. */
  readonly deliveryTimeoutMs: number;
  /** Told of what failed and is tried again without anybody else noticing. */
  readonly onRetry?: (error: SyncError) => void;
}

/** What one transaction has written to one partition. */
export interface WrittenRange extends TopicPartition {
  /** Offset of the first record. */
  readonly from: number;
  /** Behind the last record. Control records do not count. */
  readonly to: number;
  readonly count: number;
  /** Null where the client does not tell. */
  readonly producer: ProducerIdentity | null;
}

/** One transaction at a time; one call at a time. */
export interface TransactionalProducer {
  begin(): Promise<void>;
  /** Hands records over, in order for each partition; waits while the client is full. The block is not changed later. */
  send(target: TopicPartition, records: RecordBlock): Promise<void>;
  /** Waits until all that was sent is stored on the brokers; gives where, for each partition since `begin`. */
  flush(): Promise<readonly WrittenRange[]>;
  commit(): Promise<void>;
  abort(): Promise<void>;
  close(): Promise<void>;
}

export interface FetchRequest extends TopicPartition {
  /** Of the topic as it was made; one of the same name that was made anew is refused. Null: whatever it is now. */
  readonly topicId: string | null;
  /** Of the first record that is wanted. */
  readonly offset: number;
  readonly bytesMax: number;
  /** How long to wait for records when there are none. */
  readonly waitMs: number;
}

export interface FetchAnswer {
  readonly blocks: readonly FetchedBlock[];
  /** Where to go on: behind the last record, control records and what was filtered included. */
  readonly nextOffset: number;
}

export interface RecordReader {
  /** @throws SyncError KAFKA_OFFSET_GONE when the offset lies outside of the partition, KAFKA_TOPIC_REPLACED */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer>;
  close(): Promise<void>;
}
