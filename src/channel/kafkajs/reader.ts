import { isSyncError } from "../../types/errors.ts";
import { throwIfAborted } from "../../util/abort.ts";
import { visibleBatches } from "../kafka/abort-filter.ts";
import { BROKER_ERROR, brokerError, isTransient } from "../kafka/broker-error.ts";
import type { FetchAnswer, FetchRequest, Isolation, RecordReader } from "../kafka/driver.ts";
import { FETCH } from "../kafka/messages.ts";
import { decodeBatch, readBatches } from "../kafka/record-read.ts";
import type { Cluster } from "./cluster.ts";

/** Most bytes that one batch may decompress to. */
const BATCH_BYTES_MAX = 256 << 20;
/**
 * Brokers count what they send as it is packed. What it unpacks to beyond so many times that is fetched again: rows
 * hardly ever shrink to less than an eighth, and nobody's rows may take all of the memory.
 */
const UNPACKED = 8;

/** Reads partitions by Kafka's own requests, each a fetch of its own without a session. */
export class KafkajsReader implements RecordReader {
  readonly #cluster: Cluster;
  readonly #isolation: Isolation;

  constructor(cluster: Cluster, isolation: Isolation) {
    this.#cluster = cluster;
    this.#isolation = isolation;
  }

  async fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    throwIfAborted(signal);
    try {
      return await this.#fetch(request, signal);
    } catch (error) {
      // Who leads is asked anew by the next attempt.
      if (isSyncError(error)) this.#cluster.forget(request.topic);
      throw error;
    }
  }

  async #fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    const { topic, partition, offset, bytesMax, waitMs } = request;
    const what = `read ${topic}/${partition} at offset ${offset}`;
    const topicId = request.topicId ?? (await this.#cluster.topic(topic)).topicId;
    const leader = await this.#cluster.leader(request);
    const message = {
      topicId,
      partition,
      offset,
      bytesMax,
      waitMs,
      isCommittedOnly: this.#isolation === "committed",
    };
    const answer = await this.#cluster.send(leader, FETCH, message, waitMs + this.#cluster.requestTimeoutMs);
    throwIfAborted(signal);
    const errorCode = answer.errorCode !== 0 ? answer.errorCode : (answer.partition?.errorCode ?? 0);
    if (errorCode === BROKER_ERROR.unknownTopicId || errorCode === BROKER_ERROR.unknownTopic) {
      throw await this.#goneError(request, what);
    }
    if (errorCode === BROKER_ERROR.offsetOutOfRange && answer.partition !== null) {
      const { logStartOffset, highWatermark } = answer.partition;
      // Brokers leave them out where they know of no better answer.
      const there = logStartOffset < 0 ? null : `there are offsets ${logStartOffset} to ${highWatermark}`;
      throw brokerError(errorCode, what, there);
    }
    if (errorCode !== 0 || answer.partition === null) {
      throw isTransient(errorCode) ? brokerError(errorCode, what) : brokerError(errorCode, what);
    }
    const { records, aborted } = answer.partition;
    if (records === null) return { blocks: [], nextOffset: offset };
    const batches = readBatches(records, { topic, partition });
    const visible =
      this.#isolation === "committed"
        ? visibleBatches(batches, aborted)
        : batches.filter(({ control }) => control === null);
    const blocks = [];
    let bytes = 0;
    for (const batch of visible) {
      if (batch.lastOffset < offset) continue;
      if (bytes >= bytesMax * UNPACKED) return { blocks, nextOffset: batch.baseOffset };
      const block = await decodeBatch(batch, { from: offset, bytesMax: BATCH_BYTES_MAX });
      bytes += block.bytes.byteLength;
      if (block.count > 0) blocks.push(block);
    }
    return { blocks, nextOffset: Math.max(offset, (batches.at(-1)?.lastOffset ?? offset - 1) + 1) };
  }

  /** A leader that has not heard of the topic yet answers the same as one whose topic is gone. */
  async #goneError({ topic, topicId }: FetchRequest, what: string): Promise<Error> {
    this.#cluster.forget(topic);
    const { topics } = await this.#cluster.metadata([topic]);
    const [found] = topics;
    if (found === undefined || found.errorCode === BROKER_ERROR.unknownTopic) {
      return brokerError(BROKER_ERROR.unknownTopic, what);
    }
    if (topicId !== null && found.topicId !== topicId) return brokerError(BROKER_ERROR.unknownTopicId, what);
    return brokerError(NOT_LEADER, what);
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }
}

const NOT_LEADER = BROKER_ERROR.notLeader;
