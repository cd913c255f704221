import type { KafkaDriver } from "../../src/channel/kafka/driver.ts";
import { partitionRows, type PartitionRows } from "../../src/channel/kafka/partitioner.ts";
import { Topics } from "../../src/channel/kafka/topics.ts";
import type { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import type { KafkaChannelConfig } from "../../src/app/channel-config.ts";
import type { SourcePosition } from "../../src/types/source-position.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { measure, type Figure } from "./measure.ts";
import { log, type Bench } from "./pipeline.ts";

/** Enough for caches not to hold them, and little enough for memory to do. */
const ROWS = 100_000;
const TRANSACTION_BYTES = 16 << 20;

/** Records of the workload as capture makes them, parted by partition. */
export interface ReadyMade {
  readonly topic: string;
  readonly parts: readonly PartitionRows[];
  /** Key, value and header of a record. */
  readonly recordBytes: number;
}

export async function readyMade(
  bench: Bench,
  source: { readonly schema: TableSchema; readonly from: SourcePosition; readonly serverUuid: string },
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<ReadyMade> {
  const { schema, from, serverUuid } = source;
  const stream = await bench.source.stream({ from, schemas: [schema], serverUuid, form: "records" });
  const parts: PartitionRows[] = [];
  let rows = 0;
  let bytes = 0;
  for await (const item of stream) {
    if (item.kind !== "batch" || item.batch.rows.form !== "records") continue;
    const { batch } = item;
    rows += batch.count;
    bytes += item.batch.rows.bytes.byteLength;
    const routed = { topics: [topic], ofRow: null };
    parts.push(...partitionRows(batch, item.batch.rows, { routed, partitions, tombstones: false }));
    if (rows >= ROWS) break;
  }
  await stream.terminate();
  return { topic, parts, recordBytes: Math.round(bytes / rows) };
}

/** What the client does alone: the same records again and again, in transactions of the usual size. */
export async function benchAlone(
  driver: KafkaDriver,
  { topic, parts, recordBytes }: ReadyMade,
  options: { readonly control: KafkaControl; readonly kafka: KafkaChannelConfig; readonly changes: number },
): Promise<Figure> {
  const { control, kafka, changes } = options;
  const topics = new Topics(control, kafka.topics, ({ message }) => {
    log.warn(message);
  });
  await topics.ensure([{ topic, partitions: kafka.topics.partitions }]);
  const producer = await driver.openProducer({
    transactionalId: `alone-${driver.name}`,
    transactionTimeoutMs: kafka.transactionTimeoutMs,
    compression: kafka.compression,
    batchBytesMax: kafka.topics.messageBytes,
    deliveryTimeoutMs: kafka.deliveryTimeoutMs,
  });
  const what = { bench: `kafka-${driver.name}-alone`, unit: "records", serverPid: null };
  const figure = await measure(what, async () => {
    let rows = 0;
    await producer.begin();
    for (let i = 0, open = 0; rows < changes; i++) {
      const { target, block } = parts[i % parts.length] as PartitionRows;
      await producer.send(target, block);
      rows += block.count;
      open += block.count * recordBytes;
      if (open < TRANSACTION_BYTES) continue;
      await producer.flush();
      await producer.commit();
      await producer.begin();
      open = 0;
    }
    await producer.flush();
    await producer.commit();
    return { rows };
  });
  await producer.close();
  return { ...figure, note: `${recordBytes} bytes of key, value and header in a record, before compression` };
}
