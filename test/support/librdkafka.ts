import { installLibrdkafka } from "../../scripts/kafka/librdkafka.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import type { KafkaDriver } from "../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { LibrdkafkaDriver } from "../../src/channel/librdkafka/driver.ts";
import { monotonicMs } from "./kafka-channel.ts";

/** As long as it takes to compile it, which happens once. */
export const LIBRDKAFKA_MS = 1_200_000;

interface Missing {
  /** Why this machine cannot have it. */
  readonly missing: string;
}

let installing: Promise<string | Missing> | null = null;

/**
 * Brings librdkafka, which is no dependency of ours: for a `beforeAll` of LIBRDKAFKA_MS.
 *
 * @throws SyncError (SETUP) instead of a reason under CI, where nothing may be skipped.
 */
export async function librdkafkaForTests(): Promise<string | Missing> {
  installing ??= installLibrdkafka((line) => void process.stderr.write(`${line}\n`)).catch(
    (error: unknown) => {
      if (!isSetupError(error) || process.env["CI"] === "true") throw error;
      return { missing: `no librdkafka: ${error.message}; ${error.hint}` };
    },
  );
  return await installing;
}

export async function librdkafkaDriver(endpoint: KafkaEndpoint): Promise<KafkaDriver | Missing> {
  const module = await librdkafkaForTests();
  if (typeof module !== "string") return module;
  return await LibrdkafkaDriver.load(endpoint, monotonicMs, () => import(module));
}
