import { afterAll, beforeAll, type TestContext } from "vitest";
import { KAFKA_CLIENTS, type KafkaClientName } from "../../src/channel/kafka/driver.ts";
import { missingFor } from "./kafka-client.ts";
import { KafkaRig, type KafkaRigOptions } from "./kafka-rig.ts";
import { LIBRDKAFKA_MS } from "./librdkafka.ts";
import { mysqlTest } from "./mysql.ts";

/** `mysqlTest` with the rig that all scenarios of a file share, which ends with the file. */
export function kafkaRigTest(options: KafkaRigOptions = {}) {
  let opened: Promise<KafkaRig> | null = null;
  // What has to be compiled first takes longer than a test may.
  beforeAll(async () => {
    for (const client of KAFKA_CLIENTS) await missingFor(client);
  }, LIBRDKAFKA_MS);
  afterAll(async () => {
    await (await opened)?.[Symbol.asyncDispose]();
  });
  return mysqlTest.extend("rig", async ({ mysql, skip }) => {
    const missing = await missingFor("kafkajs");
    return missing === null ? (opened ??= KafkaRig.open(mysql, options)) : skip(missing);
  });
}

/** Skips the test where the machine cannot have this client. */
export async function needClient(client: KafkaClientName, skip: TestContext["skip"]): Promise<void> {
  const missing = await missingFor(client);
  if (missing !== null) skip(missing);
}
