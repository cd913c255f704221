import { afterEach } from "vitest";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import type {
  Isolation,
  KafkaDriver,
  ProducerOptions,
  RecordReader,
  TransactionalProducer,
} from "../../src/channel/kafka/driver.ts";
import type { RecordBlock, Spans } from "../../src/channel/kafka/record-block.ts";
import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import { kafkaTest } from "../support/kafka.ts";
import { endpointOf, monotonicMs } from "../support/kafka-channel.ts";
import { recordBlock } from "../support/record-block.ts";

export interface DriverUnderTest {
  readonly name: string;
  /** Gives why there is none, when this machine has not what it takes. */
  readonly open: (endpoint: KafkaEndpoint) => Promise<KafkaDriver | { readonly missing: string }>;
}

/** A driver on the broker of a test, with the control connection beside it. */
export interface Rig {
  /** `host:port` of each broker, for clients of somebody else. */
  readonly brokers: readonly string[];
  /** What a client of ours calls itself, and a group if it had one. */
  readonly clientId: string;
  readonly driver: KafkaDriver;
  readonly control: KafkaControl;
  readonly newId: () => string;
  readonly newTopic: (partitions?: number, config?: Readonly<Record<string, string>>) => Promise<string>;
  readonly newProducer: (id?: string, options?: Partial<ProducerOptions>) => Promise<TransactionalProducer>;
  readonly newReader: (isolation: Isolation) => Promise<RecordReader>;
}

const OPTIONS: Omit<ProducerOptions, "transactionalId"> = {
  transactionTimeoutMs: 30_000,
  compression: "lz4",
  batchBytesMax: 1_000_000,
  deliveryTimeoutMs: 20_000,
};

/** vitest's `test`, whose `rig` is closed behind each test of the `describe` in which this is called. */
export function rigTest(underTest: DriverUnderTest) {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  return kafkaTest.extend("rig", async ({ kafka, skip }): Promise<Rig> => {
    const endpoint = endpointOf(kafka.brokers);
    const driver = await underTest.open(endpoint);
    if ("missing" in driver) return skip(driver.missing);
    closing.push(() => driver.close());
    const control = await KafkaControl.connect(endpoint, monotonicMs);
    closing.push(() => control.close());
    const newId = (): string => kafka.uniqueName();
    return {
      brokers: kafka.brokers,
      clientId: endpoint.clientId,
      driver,
      control,
      newId,
      newTopic: async (partitions = 1, config = {}) => {
        const topic = newId();
        await control.create([{ topic, partitions, replication: 1, config }]);
        return topic;
      },
      newProducer: (id = newId(), options = {}) =>
        driver.openProducer({ ...OPTIONS, transactionalId: id, ...options }),
      newReader: (isolation) => driver.openReader(isolation),
    };
  });
}

/** Records with keys, values and headers of the same number. */
export const values = (count: number, name = "v"): RecordBlock =>
  recordBlock(
    Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `${name}${i}`, header: `h${i}` })),
  );

/** One transaction with one block. */
export async function commitOne(
  producer: TransactionalProducer,
  topic: string,
  records: RecordBlock,
  partition = 0,
): Promise<void> {
  await producer.begin();
  await producer.send({ topic, partition }, records);
  await producer.commit();
}

export const never = new AbortController().signal;

/** Null for none at all. */
export function textAt({ bytes }: RecordBlock, { start, end }: Spans, i: number): string | null {
  const from = start[i] as number;
  return from < 0 ? null : Buffer.from(bytes.subarray(from, end[i])).toString();
}

/** The values in a partition up to an offset; "" for those that are null. */
export async function readAll(
  reader: RecordReader,
  topic: string,
  end: number,
  { partition = 0, from = 0 }: { readonly partition?: number; readonly from?: number } = {},
): Promise<string[]> {
  const seen: string[] = [];
  for (let offset = from; offset < end;) {
    const { blocks, nextOffset } = await reader.fetch(
      { topic, topicId: null, partition, offset, bytesMax: 1 << 20, waitMs: 1000 },
      never,
    );
    for (const block of blocks)
      for (let i = 0; i < block.count; i++) seen.push(textAt(block, block.values, i) ?? "");
    if (nextOffset === offset) break;
    offset = nextOffset;
  }
  return seen;
}
