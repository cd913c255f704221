import { syncError, isSyncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";
import { must } from "../../util/assert.ts";
import { messageOf, type SyncError } from "../../util/errors.ts";
import { DESCRIBE_TRANSACTIONS, type TransactionState } from "../kafka/admin-messages.ts";
import { BROKER_ERROR, brokerError, kafkaHint } from "../kafka/broker-error.ts";
import type { ProducerOptions } from "../kafka/driver.ts";
import {
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  INIT_PRODUCER_ID,
  type Message,
  type ProducerId,
} from "../kafka/messages.ts";
import type { TopicPartition } from "../kafka/record-block.ts";
import { persist, type Cluster } from "./cluster.ts";

/**
 * How long one that takes over may stand between the end of the other's transaction and its own epoch: librdkafka
 * asks for that half a second later, and either may be slow to answer.
 */
const TAKE_OVER_MS = 2000;
/** One partition that cannot be added keeps the coordinator from trying the others. */
const OPERATION_NOT_ATTEMPTED = 55;

/** Whoever knows of a producer's transactions. */
export interface Coordinator {
  /** Null when records are written outside of transactions, which only a bench does, to see what they cost. */
  readonly transactionalId: string | null;
  initProducer(): Promise<ProducerId>;
  addPartitions(producer: ProducerId, targets: readonly TopicPartition[]): Promise<void>;
  endTransaction(producer: ProducerId, isCommit: boolean): Promise<void>;
  judge(error: SyncError, producer: ProducerId): Promise<SyncError>;
}

/** What the coordinator of a transactional id is asked for. */
export class TransactionCoordinator implements Coordinator {
  readonly #cluster: Cluster;
  readonly #options: ProducerOptions;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  #node: number | null = null;
  /** Requests for a producer id that got no answer: each may still come to the coordinator, and fence us off. */
  #lostOpenings = 0;
  /** Whether the coordinator may know of a transaction of ours; only then can it have ended one. */
  #mayBeOngoing = false;

  constructor(cluster: Cluster, options: ProducerOptions, now: () => number) {
    this.#cluster = cluster;
    this.#options = options;
    this.#now = now;
  }

  get transactionalId(): string {
    return this.#options.transactionalId;
  }

  /**
   * Gives a producer id with a new epoch, which fences all earlier ones off; what they left open is aborted first.
   */
  async initProducer(): Promise<ProducerId> {
    const { transactionalId, transactionTimeoutMs } = this.#options;
    const what = `open the producer ${transactionalId}`;
    const answer = await this.#repeat(INIT_PRODUCER_ID, { transactionalId, transactionTimeoutMs }, what);
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, what);
    return answer.producer;
  }

  /** Tells of partitions before the first record goes there: what is not told is neither committed nor aborted. */
  async addPartitions(producer: ProducerId, targets: readonly TopicPartition[]): Promise<void> {
    const topics = new Map<string, number[]>();
    for (const { topic, partition } of targets) {
      const partitions = topics.get(topic);
      if (partitions === undefined) topics.set(topic, [partition]);
      else partitions.push(partition);
    }
    const what = `add ${[...topics.keys()].join(", ")} to a transaction`;
    const { transactionalId } = this.#options;
    const request = {
      transactionalId,
      producer,
      topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    };
    const { errorCode } = await this.#repeat(
      {
        ...ADD_PARTITIONS_TO_TXN,
        read: (r) => {
          const failed = ADD_PARTITIONS_TO_TXN.read(r).filter((one) => one.errorCode !== 0);
          const cause = failed.find((one) => one.errorCode !== OPERATION_NOT_ATTEMPTED) ?? failed[0];
          return { errorCode: cause?.errorCode ?? 0 };
        },
      },
      request,
      what,
    );
    if (errorCode !== 0) throw await this.#failed(errorCode, what, producer);
    this.#mayBeOngoing = true;
  }

  /**
   * Commits or aborts. As long as the answer is that it was not done yet, it is asked for again. Without an answer it
   * is not: a request that comes late must not end a later transaction.
   * @throws SyncError KAFKA_OUTCOME_UNKNOWN without an answer
   */
  async endTransaction(producer: ProducerId, isCommit: boolean): Promise<void> {
    const { transactionalId } = this.#options;
    const what = `${isCommit ? "commit" : "abort"} a transaction`;
    const { errorCode } = await this.#repeat(
      END_TXN,
      { transactionalId, producer, isCommit },
      what,
      (error) =>
        syncError(
          "KAFKA_OUTCOME_UNKNOWN",
          `whether the broker did ${what} is not known: ${messageOf(error)}`,
          {
            hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"),
            cause: error,
          },
        ),
    );
    if (errorCode !== 0) throw await this.#failed(errorCode, what, producer);
    this.#mayBeOngoing = false;
  }

  async #failed(errorCode: number, what: string, producer: ProducerId): Promise<SyncError> {
    return await this.judge(brokerError(errorCode, what), producer);
  }

  /**
   * The same codes stand for a transaction that the coordinator ended because it was open for too long, and for a
   * producer that another one has fenced off. The coordinator raises the epoch once for the first; another producer
   * takes an epoch of its own in any case.
   */
  async judge(error: SyncError, producer: ProducerId): Promise<SyncError> {
    if (!isSyncError(error, "KAFKA_FENCED") && !isSyncError(error, "KAFKA_TRANSACTION_EXPIRED")) return error;
    try {
      if (!(await this.#isExpired(producer))) return await this.#fenced(error, producer);
      // One that is just taking over ends the transaction first, which looks the same for a moment.
      await sleep(TAKE_OVER_MS);
      if (!(await this.#isExpired(producer))) return await this.#fenced(error, producer);
    } catch (failure) {
      if (!isSyncError(failure)) throw failure;
      return failure;
    }
    return syncError("KAFKA_TRANSACTION_EXPIRED", `${error.message}: the transaction was open for too long`, {
      hint: kafkaHint("KAFKA_TRANSACTION_EXPIRED"),
      cause: error,
    });
  }

  async #isExpired({ id, epoch }: ProducerId): Promise<boolean> {
    // An abort at the next epoch is that of another producer then.
    if (!this.#mayBeOngoing) return false;
    const now = await this.#describe();
    const isEnded = now.state === "PrepareAbort" || now.state === "CompleteAbort";
    return now.producerId === id && now.epoch === epoch + 1 && isEnded;
  }

  /** Whoever took over may be we ourselves: a request that got no answer, and came to the coordinator late. */
  async #fenced(error: SyncError, { id, epoch }: ProducerId): Promise<SyncError> {
    const now = this.#lostOpenings === 0 ? null : await this.#describe();
    const isOurs = now?.state === "Empty" && now.producerId === id && now.epoch <= epoch + this.#lostOpenings;
    if (!isOurs) return fenced(error);
    const what = `an earlier request to open the producer came late: ${error.message}`;
    return syncError("KAFKA_OUTCOME_UNKNOWN", what, {
      hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"),
      cause: error,
    });
  }

  async #describe(): Promise<TransactionState> {
    const what = "ask what became of a transaction";
    const now = await this.#repeat(DESCRIBE_TRANSACTIONS, this.#options.transactionalId, what);
    if (now.errorCode !== 0) throw brokerError(now.errorCode, what);
    return now;
  }

  /** Sends until the answer is final; `noAnswer` makes the error of a request that may not be sent again without one. */
  async #repeat<Request, Answer extends { readonly errorCode: number }>(
    message: Message<Request, Answer>,
    request: Request,
    what: string,
    noAnswer: ((error: unknown) => SyncError) | null = null,
  ): Promise<Answer> {
    const { transactionalId, deliveryTimeoutMs } = this.#options;
    const deadlineMs = this.#now() + deliveryTimeoutMs;
    const lost: SyncError[] = [];
    const answer = await persist(
      async () => {
        this.#node ??= await this.#cluster.coordinator(transactionalId);
        try {
          const got = await this.#cluster.send(this.#node, message, request);
          // Only a transaction that still ends keeps the coordinator where it is.
          if (got.errorCode !== 0 && got.errorCode !== BROKER_ERROR.concurrentTransactions) this.#node = null;
          return got;
        } catch (error) {
          this.#node = null;
          if (message.key === INIT_PRODUCER_ID.key) this.#lostOpenings++;
          if (message.key === ADD_PARTITIONS_TO_TXN.key) this.#mayBeOngoing = true;
          if (noAnswer === null) {
            if (isSyncError(error) && error.retryable) this.#options.onRetry?.(error);
            throw error;
          }
          lost.push(noAnswer(error));
          return null;
        }
      },
      what,
      { now: this.#now, deadlineMs, onRetry: this.#options.onRetry },
    );
    if (answer === null) throw must(lost[0], "why there is no answer");
    return answer;
  }
}

const fenced = (error: SyncError): SyncError =>
  syncError("KAFKA_FENCED", `another capture has taken over: ${error.message}`, {
    hint: kafkaHint("KAFKA_FENCED"),
    cause: error,
  });
