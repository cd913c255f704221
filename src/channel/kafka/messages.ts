/**
 * The requests of Kafka's protocol that we send, each in one version, with what is read of its answer. A version is
 * the lowest that has what we need; the broker says at connect which ones it knows. Layouts: the message definitions
 * in Apache Kafka's source, clients/src/main/resources/common/message.
 */
import { ZERO_UUID, type WireReader, type WireWriter } from "./wire.ts";

export interface Message<Request, Answer> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Its headers have tagged fields. */
  readonly isFlexible: boolean;
  readonly write: (w: WireWriter, request: Request) => void;
  readonly read: (r: WireReader) => Answer;
}

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** -1 while there is none. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[];
  readonly clusterId: string | null;
  readonly topics: readonly TopicMetadata[];
}

/** Null asks for all topics. */
export const METADATA: Message<readonly string[] | null, ClusterMetadata> = {
  name: "Metadata",
  key: 3,
  version: 12,
  isFlexible: true,
  write: (w, topics) => {
    w.compactArray(topics, (topic) => {
      w.uuid(ZERO_UUID).compactString(topic).noTags();
    });
    // Neither create topics nor tell what we may do to them.
    w.bool(false).bool(false).noTags();
  },
  read: (r) => {
    r.int32();
    const brokers = r.compactArray(() => {
      const broker = { nodeId: r.int32(), host: r.compactString() ?? "", port: r.int32() };
      r.compactString();
      r.tags();
      return broker;
    });
    const clusterId = r.compactString();
    r.int32();
    const topics = r.compactArray(() => readTopic(r));
    return { brokers, clusterId, topics };
  },
};

function readTopic(r: WireReader): TopicMetadata {
  const errorCode = r.int16();
  const topic = r.compactString() ?? "";
  const topicId = r.uuid();
  r.bool();
  const partitions = r.compactArray(() => {
    const partition = {
      errorCode: r.int16(),
      partition: r.int32(),
      leader: r.int32(),
      leaderEpoch: r.int32(),
      replicas: r.compactArray(() => r.int32()),
      inSync: r.compactArray(() => r.int32()),
      offline: r.compactArray(() => r.int32()),
    };
    r.tags();
    return partition;
  });
  r.int32();
  r.tags();
  return { errorCode, topic, topicId, partitions };
}

const COORDINATOR_OF_TRANSACTIONS = 1;

export const FIND_COORDINATOR: Message<
  string,
  { readonly errorCode: number; readonly address: BrokerAddress }
> = {
  name: "FindCoordinator",
  key: 10,
  version: 2,
  isFlexible: false,
  write: (w, transactionalId) => {
    w.string(transactionalId).int8(COORDINATOR_OF_TRANSACTIONS);
  },
  read: (r) => {
    r.int32();
    const errorCode = r.int16();
    r.string();
    return { errorCode, address: { nodeId: r.int32(), host: r.string() ?? "", port: r.int32() } };
  },
};

/** A producer as the wire has it. */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

export interface InitProducerIdRequest {
  /** Null for a producer that writes outside of transactions. */
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
}

export const INIT_PRODUCER_ID: Message<
  InitProducerIdRequest,
  { readonly errorCode: number; readonly producer: ProducerId }
> = {
  name: "InitProducerId",
  key: 22,
  version: 4,
  isFlexible: true,
  write: (w, { transactionalId, transactionTimeoutMs }) => {
    w.compactString(transactionalId).int32(transactionTimeoutMs);
    // Never with an identity of our own (KIP-360): when another producer has taken over meanwhile, the question alone
    // ends the transaction of that one, and then is refused.
    w.int64(-1).int16(-1).noTags();
  },
  read: (r) => {
    r.int32();
    return { errorCode: r.int16(), producer: { id: r.bigint64(), epoch: r.int16() } };
  },
};

export interface PartitionList {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface AddPartitionsRequest {
  readonly transactionalId: string;
  readonly producer: ProducerId;
  readonly topics: readonly PartitionList[];
}

export interface PartitionError {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

export const ADD_PARTITIONS_TO_TXN: Message<AddPartitionsRequest, readonly PartitionError[]> = {
  name: "AddPartitionsToTxn",
  key: 24,
  version: 2,
  isFlexible: false,
  write: (w, { transactionalId, producer, topics }) => {
    w.string(transactionalId).int64(producer.id).int16(producer.epoch);
    w.array(topics, ({ topic, partitions }) => {
      w.string(topic).array(partitions, (partition) => w.int32(partition));
    });
  },
  read: (r) => {
    r.int32();
    return r
      .array(() => {
        const topic = r.string() ?? "";
        return r.array(() => ({ topic, partition: r.int32(), errorCode: r.int16() }));
      })
      .flat();
  },
};

export interface EndTxnRequest {
  readonly transactionalId: string;
  readonly producer: ProducerId;
  readonly isCommit: boolean;
}

export const END_TXN: Message<EndTxnRequest, { readonly errorCode: number }> = {
  name: "EndTxn",
  key: 26,
  version: 2,
  isFlexible: false,
  write: (w, { transactionalId, producer, isCommit }) => {
    w.string(transactionalId).int64(producer.id).int16(producer.epoch).bool(isCommit);
  },
  read: (r) => {
    r.int32();
    return { errorCode: r.int16() };
  },
};

export interface ProduceRequest {
  /** Null for records outside of transactions. */
  readonly transactionalId: string | null;
  readonly timeoutMs: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly batch: Uint8Array }[];
  }[];
}

export interface ProduceAnswer extends PartitionError {
  readonly baseOffset: number;
  /** -1 when the topic keeps the time of the producer. */
  readonly logAppendMs: number;
  readonly message: string | null;
}

const ALL_IN_SYNC = -1;

export const PRODUCE: Message<ProduceRequest, readonly ProduceAnswer[]> = {
  name: "Produce",
  key: 0,
  version: 8,
  isFlexible: false,
  write: (w, { transactionalId, timeoutMs, topics }) => {
    w.string(transactionalId).int16(ALL_IN_SYNC).int32(timeoutMs);
    w.array(topics, ({ topic, partitions }) => {
      w.string(topic).array(partitions, ({ partition, batch }) => {
        w.int32(partition).int32(batch.length).raw(batch);
      });
    });
  },
  read: (r) =>
    r
      .array(() => {
        const topic = r.string() ?? "";
        return r.array(() => {
          const partition = r.int32();
          const errorCode = r.int16();
          const baseOffset = r.int64();
          const logAppendMs = r.int64();
          r.int64();
          r.array(() => [r.int32(), r.string()]);
          return { topic, partition, errorCode, baseOffset, logAppendMs, message: r.string() };
        });
      })
      .flat(),
};

export interface FetchMessage {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly isCommittedOnly: boolean;
}

export interface FetchedPartition {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly { readonly producerId: string; readonly firstOffset: number }[];
  readonly records: Buffer | null;
}

/** Of one partition, by the id of its topic: one of the same name that was made anew is another one. */
export const FETCH: Message<
  FetchMessage,
  { readonly errorCode: number; readonly partition: FetchedPartition | null }
> = {
  name: "Fetch",
  key: 1,
  version: 13,
  isFlexible: true,
  write: (w, { topicId, partition, offset, bytesMax, waitMs, isCommittedOnly }) => {
    w.int32(-1).int32(waitMs).int32(1).int32(bytesMax).bool(isCommittedOnly);
    // No session: each request says all that it wants.
    w.int32(0).int32(-1);
    w.compactArray([partition], () => {
      w.uuid(topicId).compactArray([partition], () => {
        w.int32(partition).int32(-1).int64(offset).int32(-1).int64(-1).int32(bytesMax).noTags();
      });
      w.noTags();
    });
    w.compactArray([], () => undefined)
      .compactString("")
      .noTags();
  },
  read: (r) => {
    r.int32();
    const errorCode = r.int16();
    r.int32();
    const [partition = null] = r
      .compactArray(() => {
        r.uuid();
        const partitions = r.compactArray(() => readFetched(r));
        r.tags();
        return partitions;
      })
      .flat();
    return { errorCode, partition };
  },
};

function readFetched(r: WireReader): FetchedPartition {
  r.int32();
  const errorCode = r.int16();
  const highWatermark = r.int64();
  const lastStableOffset = r.int64();
  const logStartOffset = r.int64();
  const aborted = r.compactArray(() => {
    const transaction = { producerId: r.bigint64().toString(), firstOffset: r.int64() };
    r.tags();
    return transaction;
  });
  r.int32();
  const records = r.compactBytes();
  r.tags();
  return { errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}
