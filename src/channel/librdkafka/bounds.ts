import { EARLIEST, LATEST, LIST_OFFSETS } from "../kafka/admin-messages.ts";
import { BROKER_ERROR, brokerError } from "../kafka/broker-error.ts";
import type { FetchRequest } from "../kafka/driver.ts";
import type { TopicPartition } from "../kafka/record-block.ts";
import type { Cluster } from "../kafkajs/cluster.ts";

/**
 * What librdkafka does not tell a consumer of several partitions: it reports a topic that is gone, or an offset that
 * is, without saying of which partition. So it is asked for on a connection of our own.
 *
 * @throws SyncError KAFKA_TOPIC_MISSING, KAFKA_TOPIC_REPLACED, KAFKA_ACL_MISSING
 */
export async function requireTopic(cluster: Cluster, request: FetchRequest): Promise<void> {
  const { topic, partition, topicId } = request;
  const what = readOf(request);
  const { topics } = await cluster.metadata([topic]);
  const [found] = topics;
  const errorCode = found?.errorCode ?? BROKER_ERROR.unknownTopic;
  if (found === undefined || errorCode !== 0) throw brokerError(errorCode, what);
  if (topicId !== null && found.topicId !== topicId) throw brokerError(BROKER_ERROR.unknownTopicId, what);
  if (!found.partitions.some((one) => one.partition === partition)) {
    throw brokerError(BROKER_ERROR.unknownTopic, what, `it has ${found.partitions.length} partitions`);
  }
}

/**
 * Where the partition ends for a reader.
 *
 * @throws SyncError KAFKA_OFFSET_GONE when the offset that is asked for lies outside of it
 */
export async function endFor(
  cluster: Cluster,
  request: FetchRequest,
  isCommittedOnly: boolean,
): Promise<number> {
  const ask = (time: number, isCommitted: boolean): Promise<number> =>
    offsetOf(cluster, request, { time, isCommittedOnly: isCommitted });
  const [start, end, stable] = await Promise.all([
    ask(EARLIEST, false),
    ask(LATEST, false),
    isCommittedOnly ? ask(LATEST, true) : null,
  ]);
  if (request.offset < start || request.offset > end) {
    throw brokerError(BROKER_ERROR.offsetOutOfRange, readOf(request), `there are offsets ${start} to ${end}`);
  }
  return stable ?? end;
}

async function offsetOf(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  { time, isCommittedOnly }: { readonly time: number; readonly isCommittedOnly: boolean },
): Promise<number> {
  const leader = await cluster.leader({ topic, partition });
  const request = { isCommittedOnly, topic, partitions: [partition], time };
  const [found] = await cluster.send(leader, LIST_OFFSETS, request);
  const errorCode = found?.errorCode ?? BROKER_ERROR.unknownTopic;
  if (found !== undefined && errorCode === 0) return found.offset;
  cluster.forget(topic);
  throw brokerError(errorCode, `ask for the offsets of ${topic}/${partition}`);
}

export const readOf = ({ topic, partition, offset }: FetchRequest): string =>
  `read ${topic}/${partition} at offset ${offset}`;
