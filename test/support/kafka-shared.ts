import { KafkaServer } from "../../scripts/kafka/server.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import { privateKafka } from "./test-kafka.ts";

/** What the global setup tells the workers. */
export type SharedKafka = { readonly brokers: readonly string[] } | { readonly missing: string };

/**
 * Why this machine can have no Kafka broker of ours, or null when it can.
 *
 * @throws SyncError (SETUP) instead of a reason under CI, where nothing may be skipped.
 */
export async function missingKafka(): Promise<string | null> {
  try {
    await KafkaServer.install(() => undefined);
    return null;
  } catch (error) {
    if (!isSetupError(error) || process.env["CI"] === "true") throw error;
    return `${error.message}; ${error.hint}`;
  }
}

/** Starts the shared broker: the user's, or one of ours that ends when this process does. */
export async function startSharedKafka(): Promise<{ shared: SharedKafka; server: KafkaServer | null }> {
  const list = process.env["TEST_KAFKA_BROKERS"];
  if (list !== undefined && list !== "") {
    return { shared: { brokers: list.split(",").map((broker) => broker.trim()) }, server: null };
  }
  const missing = await missingKafka();
  if (missing !== null) return { shared: { missing }, server: null };
  const { process: server, brokers } = await privateKafka();
  return { shared: { brokers }, server };
}
