/** Requests about topics, their configuration and open transactions; see `messages.ts`. */
import type { Message, PartitionError } from "./messages.ts";
import type { WireReader } from "./wire.ts";

/** Times that stand for a place in the log. */
export const LATEST = -1;
export const EARLIEST = -2;

export interface ListOffsetsRequest {
  readonly isCommittedOnly: boolean;
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly time: number;
}

export const LIST_OFFSETS: Message<
  ListOffsetsRequest,
  readonly (PartitionError & { readonly offset: number })[]
> = {
  name: "ListOffsets",
  key: 2,
  version: 5,
  isFlexible: false,
  write: (w, { isCommittedOnly, topic, partitions, time }) => {
    w.int32(-1).bool(isCommittedOnly);
    w.array([topic], () => {
      w.string(topic).array(partitions, (partition) => {
        w.int32(partition).int32(-1).int64(time);
      });
    });
  },
  read: (r) => {
    r.int32();
    return r
      .array(() => {
        const topic = r.string() ?? "";
        return r.array(() => {
          const partition = r.int32();
          const errorCode = r.int16();
          r.int64();
          const offset = r.int64();
          r.int32();
          return { topic, partition, errorCode, offset };
        });
      })
      .flat();
  },
};

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicError {
  readonly topic: string;
  readonly errorCode: number;
  readonly message: string | null;
}

export const CREATE_TOPICS: Message<
  { readonly topics: readonly NewTopic[]; readonly timeoutMs: number },
  readonly TopicError[]
> = {
  name: "CreateTopics",
  key: 19,
  version: 4,
  isFlexible: false,
  write: (w, { topics, timeoutMs }) => {
    w.array(topics, ({ topic, partitions, replication, config }) => {
      w.string(topic).int32(partitions).int16(replication);
      w.array([], () => undefined);
      w.array(Object.entries(config), ([name, value]) => {
        w.string(name).string(value);
      });
    });
    w.int32(timeoutMs).bool(false);
  },
  read: (r) => {
    r.int32();
    return r.array(() => ({ topic: r.string() ?? "", errorCode: r.int16(), message: r.string() }));
  },
};

export const RESOURCE = { topic: 2, broker: 4 } as const;

export interface ConfigResource {
  readonly type: number;
  readonly name: string;
}

export interface ResourceConfig extends ConfigResource {
  readonly errorCode: number;
  readonly message: string | null;
  /** Values by name; of secrets null. */
  readonly values: ReadonlyMap<string, string | null>;
}

export const DESCRIBE_CONFIGS: Message<readonly ConfigResource[], readonly ResourceConfig[]> = {
  name: "DescribeConfigs",
  key: 32,
  version: 2,
  isFlexible: false,
  write: (w, resources) => {
    w.array(resources, ({ type, name }) => {
      w.int8(type)
        .string(name)
        .array<string>(null, () => undefined);
    });
    w.bool(false);
  },
  read: (r) => {
    r.int32();
    return r.array(() => {
      const errorCode = r.int16();
      const message = r.string();
      const type = r.int8();
      const name = r.string() ?? "";
      const values = new Map(r.array(() => readConfig(r)));
      return { errorCode, message, type, name, values };
    });
  },
};

function readConfig(r: WireReader): readonly [string, string | null] {
  const name = r.string() ?? "";
  const value = r.string();
  r.bool();
  r.int8();
  r.bool();
  r.array(() => [r.string(), r.string(), r.int8()]);
  return [name, value];
}

export interface ActiveProducer {
  readonly producerId: string;
  readonly epoch: number;
  /** Milliseconds since 1970 of its last record. */
  readonly lastTimestampMs: number;
  /** Where its open transaction begins; -1 when none is open. */
  readonly openFrom: number;
}

export interface PartitionProducers extends PartitionError {
  readonly producers: readonly ActiveProducer[];
}

/** Who writes to a partition, and whose transaction is open there: what holds back the last stable offset. */
export const DESCRIBE_PRODUCERS: Message<
  { readonly topic: string; readonly partitions: readonly number[] },
  readonly PartitionProducers[]
> = {
  name: "DescribeProducers",
  key: 61,
  version: 0,
  isFlexible: true,
  write: (w, { topic, partitions }) => {
    w.compactArray([topic], () => {
      w.compactString(topic).compactArray(partitions, (partition) => w.int32(partition));
      w.noTags();
    });
    w.noTags();
  },
  read: (r) => {
    r.int32();
    return r
      .compactArray(() => {
        const topic = r.compactString() ?? "";
        const partitions = r.compactArray(() => readProducers(r, topic));
        r.tags();
        return partitions;
      })
      .flat();
  },
};

function readProducers(r: WireReader, topic: string): PartitionProducers {
  const partition = r.int32();
  const errorCode = r.int16();
  r.compactString();
  const producers = r.compactArray(() => {
    const producerId = r.bigint64().toString();
    const epoch = r.int32();
    r.int32();
    const lastTimestampMs = r.int64();
    r.int32();
    const openFrom = r.int64();
    r.tags();
    return { producerId, epoch, lastTimestampMs, openFrom };
  });
  r.tags();
  return { topic, partition, errorCode, producers };
}

export interface TransactionState {
  readonly errorCode: number;
  /** `Empty`, `Ongoing`, `PrepareAbort`, `CompleteAbort`, … */
  readonly state: string;
  readonly producerId: bigint;
  readonly epoch: number;
}

/** What the coordinator knows of a transactional id. */
export const DESCRIBE_TRANSACTIONS: Message<string, TransactionState> = {
  name: "DescribeTransactions",
  key: 65,
  version: 0,
  isFlexible: true,
  write: (w, transactionalId) => {
    w.compactArray([transactionalId], (id) => w.compactString(id)).noTags();
  },
  read: (r) => {
    r.int32();
    const [found] = r.compactArray(() => {
      const errorCode = r.int16();
      r.compactString();
      const state = r.compactString() ?? "";
      r.int32();
      r.int64();
      const producerId = r.bigint64();
      const epoch = r.int16();
      r.compactArray(() => {
        r.compactString();
        r.compactArray(() => r.int32());
        r.tags();
      });
      r.tags();
      return { errorCode, state, producerId, epoch };
    });
    return found ?? { errorCode: NOT_FOUND, state: "", producerId: -1n, epoch: -1 };
  },
};

/** TRANSACTIONAL_ID_NOT_FOUND. */
const NOT_FOUND = 105;
