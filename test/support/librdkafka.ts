import { installLibrdkafka } from "../../scripts/kafka/librdkafka.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import type { LoadClient } from "../../src/channel/librdkafka/client.ts";

/** As long as it takes to compile it, which happens once. */
export const LIBRDKAFKA_MS = 1_200_000;

/**
 * How tests load librdkafka, which is no dependency of ours; or why this machine cannot have it.
 *
 * @throws SyncError (SETUP) instead of a reason under CI, where nothing may be skipped.
 */
export async function librdkafkaForTests(): Promise<LoadClient | { readonly missing: string }> {
  try {
    const module = await installLibrdkafka((line) => void process.stderr.write(`${line}\n`));
    return () => import(module);
  } catch (error) {
    if (!isSetupError(error) || process.env["CI"] === "true") throw error;
    return { missing: `no librdkafka: ${error.message}; ${error.hint}` };
  }
}
