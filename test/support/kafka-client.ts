import { LIBRDKAFKA_PACKAGE } from "../../scripts/kafka/librdkafka.ts";
import type { KafkaClientName } from "../../src/channel/kafka/driver.ts";
import { missingKafka } from "./kafka-shared.ts";
import { librdkafkaForTests } from "./librdkafka.ts";

/**
 * Why this machine can have no Kafka, or not this client of it; null when it can.
 *
 * @throws SyncError (SETUP) instead of a reason under CI, where nothing may be skipped.
 */
export async function missingFor(client: KafkaClientName): Promise<string | null> {
  const missing = await missingKafka();
  if (missing !== null) return `no Kafka: ${missing}`;
  const library = client === "librdkafka" ? await librdkafkaForTests() : "";
  return typeof library === "string" ? null : library.missing;
}

/** The modules of this client that are not installed beside the program; they are brought unless they are there. */
export async function modulesOf(client: KafkaClientName): Promise<Readonly<Record<string, string>>> {
  if (client === "kafkajs") return {};
  const library = await librdkafkaForTests();
  if (typeof library !== "string") throw new Error(library.missing);
  return { [LIBRDKAFKA_PACKAGE]: library };
}
