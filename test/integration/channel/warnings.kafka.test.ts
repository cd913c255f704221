import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { withControl } from "../../support/kafka-admin.ts";
import { kafkaTest as test } from "../../support/kafka.ts";

const SRC = join(import.meta.dirname, "../../../src/channel");

/** A producer, a reader that waits for longer than kafkajs looks for requests that are late, and the end of both. */
const SESSION = `
import { KafkajsDriver } from ${JSON.stringify(join(SRC, "kafkajs/driver.ts"))};
const [broker, topic] = process.argv.slice(1);
const endpoint = {
  brokers: [broker], clientId: "c", tls: { mode: "off", ca: null, cert: null, key: null }, sasl: null,
  connectTimeoutMs: 5000, requestTimeoutMs: 10000,
};
const driver = new KafkajsDriver(endpoint, { nowMs: Date.now, monotonicMs: () => performance.now() });
const producer = await driver.openProducer({
  transactionalId: topic, transactionTimeoutMs: 10000, compression: "none", batchBytesMax: 100000,
  deliveryTimeoutMs: 10000,
});
const none = { start: Int32Array.of(-1), end: Int32Array.of(-1) };
const block = {
  count: 1, bytes: Buffer.from("v"), keys: none, values: { start: Int32Array.of(0), end: Int32Array.of(1) }, headers: none,
};
for (let i = 0; i < 10; i++) {
  await producer.begin();
  await producer.send({ topic, partition: 0 }, block);
  await producer.commit();
}
const reader = await driver.openReader("committed");
const { signal } = new AbortController();
let records = 0;
for (let offset = 0; offset < 20;) {
  const request = { topic, topicId: null, partition: 0, offset, bytesMax: 1000, waitMs: 500 };
  const { blocks, nextOffset } = await reader.fetch(request, signal);
  for (const { count } of blocks) records += count;
  offset = nextOffset;
}
await reader.fetch({ topic, topicId: null, partition: 0, offset: 20, bytesMax: 1000, waitMs: 1500 }, signal);
await driver.close();
process.stdout.write(String(records));
`;

test("K14: a session leaves no warning of Node, as of timers of negative time", async ({ kafka }) => {
  const topic = kafka.uniqueName();
  await withControl(kafka.bootstrap, (control) =>
    control.create([{ topic, partitions: 1, replication: 1, config: {} }]),
  );
  // A process of its own: Node tells of each kind of warning once.
  const args = ["--trace-warnings", "--input-type=module", "--eval", SESSION, kafka.brokers[0] ?? "", topic];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect([stdout, stderr]).toEqual(["10", ""]);
});
