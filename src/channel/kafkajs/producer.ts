import { syncError } from "../../types/errors.ts";
import { assert } from "../../util/assert.ts";
import { SyncError } from "../../util/errors.ts";
import { kafkaHint } from "../kafka/broker-error.ts";
import type { ProducerOptions, TransactionalProducer, WrittenRange } from "../kafka/driver.ts";
import type { ProducerId } from "../kafka/messages.ts";
import { encodeBatch, fitBatch, nextSequence } from "../kafka/record-batch.ts";
import type { RecordBlock, TopicPartition } from "../kafka/record-block.ts";
import type { Cluster } from "./cluster.ts";
import { SpareMemory } from "../../util/spare-memory.ts";
import { TransactionCoordinator, type Coordinator } from "./coordinator.ts";
import { ProduceQueue } from "./produce-queue.ts";

/** Bytes of encoded batches that may wait for their brokers, and batches that may be encoded side by side. */
const QUEUED_BYTES_MAX = 16 << 20;
const ENCODING_MAX = 8;

export interface Clock {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonicMs: () => number;
}

interface Partition extends TopicPartition {
  /** Of the next record. */
  sequence: number;
  /** In the open transaction. */
  written: { from: number; to: number; count: number } | null;
  /** End of the batches that are being encoded, so that they are queued in order. */
  tail: Promise<void>;
}

/** Records `from` to `to` of a block, which get sequence numbers from `sequence` on. */
interface Part {
  readonly records: RecordBlock;
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
}

/**
 * A transactional producer on Kafka's own requests. What is safe to repeat is repeated until the delivery timeout:
 * finding the coordinator, adding partitions, and record batches, which the broker recognises. After an error the
 * producer is of no use any more: only a new one can tell what became of the transaction.
 */
export class KafkajsProducer implements TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #options: ProducerOptions;
  readonly #clock: Clock;
  readonly #coordinator: Coordinator;
  readonly #queue: ProduceQueue;
  readonly #producer: ProducerId;
  readonly #partitions = new Map<string, Partition>();
  readonly #encoding = new Set<Promise<void>>();
  /** For batches as they are before they are compressed. */
  readonly #scratch = new SpareMemory((bytes) => new ArrayBuffer(bytes));
  #isOpen = false;
  /** Of the open transaction: what the coordinator knows or is being told, and what it is still to be told. */
  #added = new Set<string>();
  #toAdd: TopicPartition[] = [];
  #adding: Promise<void> | null = null;
  #failure: SyncError | null = null;

  private constructor(parts: {
    readonly cluster: Cluster;
    readonly options: ProducerOptions;
    readonly clock: Clock;
    readonly coordinator: Coordinator;
    readonly producer: ProducerId;
  }) {
    const { cluster, options, clock, coordinator, producer } = parts;
    this.#cluster = cluster;
    this.#options = options;
    this.#clock = clock;
    this.#coordinator = coordinator;
    this.#producer = producer;
    const { transactionalId } = coordinator;
    this.#queue = new ProduceQueue({ cluster, ...options, transactionalId, now: clock.monotonicMs });
  }

  static async open(
    cluster: Cluster,
    options: ProducerOptions,
    clock: Clock,
    coordinator: Coordinator = new TransactionCoordinator(cluster, options, clock.monotonicMs),
  ): Promise<KafkajsProducer> {
    const producer = await coordinator.initProducer();
    return new KafkajsProducer({ cluster, options, clock, coordinator, producer });
  }

  async begin(): Promise<void> {
    this.#throwFailure();
    assert(!this.#isOpen, "a Kafka transaction is already open");
    this.#isOpen = true;
    this.#added = new Set();
    for (const partition of this.#partitions.values()) partition.written = null;
  }

  async send(target: TopicPartition, records: RecordBlock): Promise<void> {
    assert(this.#isOpen, "no Kafka transaction is open");
    const { batchBytesMax } = this.#options;
    const partition = this.#partition(target);
    this.#add(target);
    for (let from = 0; from < records.count;) {
      while (this.#encoding.size >= ENCODING_MAX) await Promise.race(this.#encoding);
      await this.#below(QUEUED_BYTES_MAX);
      const { to, bytes } = fitBatch(records, from, batchBytesMax);
      if (bytes > batchBytesMax) this.#fail(tooLarge(target, bytes, batchBytesMax));
      this.#throwFailure();
      this.#enqueue(partition, { records, from, to, sequence: partition.sequence });
      partition.sequence = nextSequence(partition.sequence, to - from);
      from = to;
    }
  }

  /** Encodes a part beside others and queues it behind those of its partition. */
  #enqueue(partition: Partition, part: Part): void {
    const encoded = encodeBatch(
      {
        ...part,
        producerId: this.#producer.id,
        producerEpoch: this.#producer.epoch,
        baseSequence: part.sequence,
        timestampMs: this.#clock.nowMs(),
        compression: this.#options.compression,
        isTransactional: this.#coordinator.transactionalId !== null,
      },
      this.#scratch,
    );
    // It is waited for when its turn has come.
    encoded.catch(() => undefined);
    const queued = partition.tail
      .then(async () => {
        const bytes = await encoded;
        await this.#adding;
        this.#throwFailure();
        const { topic, partition: number } = partition;
        this.#queue.push({
          topic,
          partition: number,
          bytes,
          sinceMs: this.#clock.monotonicMs(),
          onStored: (baseOffset) => {
            noteStored(partition, baseOffset, part.to - part.from);
          },
        });
      })
      .catch(async (error: unknown) => {
        // What the queue says of a fence is still to be told from a transaction that has expired.
        this.#fail(error instanceof SyncError ? await this.#coordinator.judge(error, this.#producer) : error);
      })
      .finally(() => this.#encoding.delete(queued));
    partition.tail = queued;
    this.#encoding.add(queued);
  }

  /** Tells the coordinator of the partition; those that come while it is asked go together with the next request. */
  #add(target: TopicPartition): void {
    const key = `${target.topic}/${target.partition}`;
    if (this.#added.has(key)) return;
    this.#added.add(key);
    this.#toAdd.push(target);
    this.#adding ??= this.#addAll()
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .finally(() => {
        this.#adding = null;
      });
  }

  async #addAll(): Promise<void> {
    while (this.#toAdd.length > 0) {
      await this.#coordinator.addPartitions(this.#producer, this.#toAdd.splice(0));
    }
  }

  async flush(): Promise<readonly WrittenRange[]> {
    await this.#drain();
    const { id, epoch } = this.#producer;
    const producer = { id: id.toString(), epoch };
    return [...this.#partitions.values()].flatMap(({ topic, partition, written }) =>
      written === null ? [] : [{ topic, partition, ...written, producer }],
    );
  }

  async commit(): Promise<void> {
    await this.#end(true);
  }

  /** What the brokers were given stays there, marked as aborted. */
  async abort(): Promise<void> {
    await this.#end(false);
  }

  async close(): Promise<void> {
    this.#failure ??= syncError("KAFKA_OUTCOME_UNKNOWN", "the producer is closed", {
      hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"),
    });
    await this.#cluster.close();
  }

  async #end(isCommit: boolean): Promise<void> {
    assert(this.#isOpen, "no Kafka transaction is open");
    await this.#drain();
    this.#isOpen = false;
    // Nothing was sent: the coordinator does not know of it.
    if (this.#added.size === 0) return;
    try {
      await this.#coordinator.endTransaction(this.#producer, isCommit);
    } catch (error) {
      this.#fail(error);
    }
    this.#throwFailure();
  }

  /** Waits until the brokers have all that was sent. */
  async #drain(): Promise<void> {
    await this.#adding;
    await Promise.all(this.#encoding);
    await this.#below(0);
  }

  /** Waits until no more than so many bytes are on their way. */
  async #below(bytes: number): Promise<void> {
    this.#throwFailure();
    try {
      await this.#queue.below(bytes);
    } catch (error) {
      if (error instanceof SyncError) this.#fail(await this.#coordinator.judge(error, this.#producer));
      throw this.#failure ?? error;
    }
  }

  #partition({ topic, partition }: TopicPartition): Partition {
    const key = `${topic}/${partition}`;
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const made: Partition = { topic, partition, sequence: 0, written: null, tail: Promise.resolve() };
    this.#partitions.set(key, made);
    return made;
  }

  #fail(error: unknown): void {
    if (!(error instanceof SyncError)) throw error;
    this.#failure ??= error;
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

const tooLarge = ({ topic, partition }: TopicPartition, bytes: number, max: number): Error =>
  syncError(
    "KAFKA_MESSAGE_TOO_LARGE",
    `a record of ${bytes} bytes for ${topic}/${partition} is above the limit of ${max}`,
    {
      hint: kafkaHint("KAFKA_MESSAGE_TOO_LARGE"),
    },
  );

function noteStored(partition: Partition, baseOffset: number, count: number): void {
  const { written } = partition;
  const to = baseOffset + count;
  partition.written =
    written === null
      ? { from: baseOffset, to, count }
      : {
          from: Math.min(written.from, baseOffset),
          to: Math.max(written.to, to),
          count: written.count + count,
        };
}
