import { isSyncError, syncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";
import type { SyncError } from "../../util/errors.ts";
import { DESCRIBE_TRANSACTIONS } from "../kafka/admin-messages.ts";
import { brokerError, kafkaHint } from "../kafka/broker-error.ts";
import type { ProducerIdentity } from "../kafka/record-block.ts";
import { persist, type Cluster } from "../kafkajs/cluster.ts";

/**
 * How long one that takes over may stand between the end of the other's transaction and its own epoch: librdkafka
 * asks for that half a second later, and either may be slow to answer.
 */
const TAKE_OVER_MS = 2000;

export interface FenceCase {
  readonly transactionalId: string;
  /** Of the producer that is told to be fenced off. */
  readonly identity: ProducerIdentity;
  /** Whether the coordinator knew of a transaction of this producer; only then can it have ended one. */
  readonly wasOngoing: boolean;
}

/**
 * What a producer was fenced off by. The library gives the same error for another producer that took over, and for the
 * coordinator, which has ended a transaction that was open for too long. The coordinator raises the epoch once for
 * that; another producer takes an epoch of its own behind it.
 */
export async function judgeFence(
  error: SyncError,
  { transactionalId, identity, wasOngoing }: FenceCase,
  ask: { readonly cluster: Cluster; readonly now: () => number; readonly patienceMs: number },
): Promise<SyncError> {
  const { cluster, now, patienceMs } = ask;
  const isExpired = async (): Promise<boolean> => {
    const what = "ask what became of a transaction";
    const state = await persist(
      async () =>
        await cluster.send(
          await cluster.coordinator(transactionalId),
          DESCRIBE_TRANSACTIONS,
          transactionalId,
        ),
      what,
      { now, deadlineMs: now() + patienceMs },
    );
    if (state.errorCode !== 0) throw brokerError(state.errorCode, what);
    const isEnded = state.state === "PrepareAbort" || state.state === "CompleteAbort";
    return isEnded && state.producerId === BigInt(identity.id) && state.epoch === identity.epoch + 1;
  };
  try {
    // One that is just taking over ends the transaction first, which looks the same for a moment.
    if (wasOngoing && (await isExpired()) && (await sleep(TAKE_OVER_MS), await isExpired())) {
      return syncError(
        "KAFKA_TRANSACTION_EXPIRED",
        `${error.message}: the transaction was open for too long`,
        {
          hint: kafkaHint("KAFKA_TRANSACTION_EXPIRED"),
          cause: error,
        },
      );
    }
  } catch (failure) {
    if (!isSyncError(failure)) throw failure;
    return failure;
  }
  return syncError("KAFKA_FENCED", `another capture has taken over: ${error.message}`, {
    hint: kafkaHint("KAFKA_FENCED"),
    cause: error,
  });
}
