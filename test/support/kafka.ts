import { inject, test as baseTest } from "vitest";
import { missingKafka, startSharedKafka, type SharedKafka } from "./kafka-shared.ts";
import {
  privateKafka,
  privateKafkaCluster,
  TestKafka,
  type PrivateKafka,
  type PrivateKafkaCluster,
} from "./test-kafka.ts";

/*
 * Kafka for tests. `kafkaTest` is vitest's `test` with fixtures:
 *
 *   kafkaTest("writes a topic", async ({ kafka }) => {
 *     const topic = kafka.uniqueName();
 *     connect(kafka.brokers) ...
 *   });
 *
 * `kafka` is the broker that all tests share; topics are not created by themselves. `startKafka(options)` starts
 * another one and `startKafkaCluster(options)` three as one cluster, for tests that need settings, users or TLS of their
 * own, or that take brokers away. Where no broker can be had the tests are skipped with the reason; under CI they
 * fail. Kafka's own tools are run by `kafkaTool` of scripts/kafka/tool.ts.
 *
 * The shared broker is that of TEST_KAFKA_BROKERS (anybody may do everything there), or that of the global setup, or,
 * when the project has no global setup, one that this worker starts and that ends with it.
 */

declare module "vitest" {
  interface ProvidedContext {
    kafka: SharedKafka | undefined;
  }
}

let ofThisWorker: Promise<SharedKafka> | null = null;

/**
 * The broker that tests share.
 *
 * @throws Error when there is none; prefer the fixtures, which skip then.
 */
export async function kafkaForTests(): Promise<TestKafka> {
  const shared = await sharedKafka();
  if ("missing" in shared) throw new Error(`no Kafka for this test: ${shared.missing}`);
  return new TestKafka(shared.brokers);
}

async function sharedKafka(): Promise<SharedKafka> {
  const provided = inject("kafka");
  if (provided !== undefined) return provided;
  ofThisWorker ??= startSharedKafka().then(({ shared }) => shared);
  return ofThisWorker;
}

export const kafkaTest = baseTest
  .extend("kafka", async ({ skip }) => {
    const shared = await sharedKafka();
    if ("missing" in shared) return skip(`no Kafka: ${shared.missing}`);
    return new TestKafka(shared.brokers);
  })
  .extend(
    "startKafka",
    ({ skip }) =>
      async (...args: Parameters<typeof privateKafka>): Promise<PrivateKafka> => {
        const missing = await missingKafka();
        return missing === null ? privateKafka(...args) : skip(`no Kafka: ${missing}`);
      },
  )
  .extend(
    "startKafkaCluster",
    ({ skip }) =>
      async (...args: Parameters<typeof privateKafkaCluster>): Promise<PrivateKafkaCluster> => {
        const missing = await missingKafka();
        return missing === null ? privateKafkaCluster(...args) : skip(`no Kafka: ${missing}`);
      },
  );
