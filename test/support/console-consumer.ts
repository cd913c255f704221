import { randomUUID } from "node:crypto";
import type { Admin } from "kafkajs";
import { kafkaTool } from "../../scripts/kafka/tool.ts";
import { must } from "../../src/util/assert.ts";
import { settledOffsets, withAdmin, withControl } from "./kafka-admin.ts";
import { waitFor } from "./wait-for.ts";

/** A record as Kafka's own console consumer prints it. */
export interface ConsoleRecord {
  readonly partition: number;
  readonly offset: number;
  /** `name:value` of each, or `NO_HEADERS`. */
  readonly headers: string;
  readonly key: string;
  /** `null` for none. */
  readonly value: string;
}

export interface ConsoleOptions {
  /** A regular expression of the topics' names. */
  readonly topics: string;
  readonly isolation: "read_committed" | "read_uncommitted";
}

const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const SHOWN = ["partition", "offset", "headers", "key"];
/** How often the consumer writes down how far it is, and how often somebody looks. */
const LOOK_MS = 200;
const READ_MS_MAX = 60_000;

/**
 * All records of some topics, by a reader that knows nothing of us. It would read on for ever; it is ended when it has
 * written down that it is at the end of each partition, so nobody has to guess how long it may need.
 */
export async function consoleRecords(
  bootstrap: string,
  { topics, isolation }: ConsoleOptions,
): Promise<readonly ConsoleRecord[]> {
  const ends = await partitionEnds(bootstrap, new RegExp(`^(?:${topics})$`));
  // A reader of nothing would have nothing to write down.
  if (ends.size === 0) return [];
  const group = `console-${randomUUID()}`;
  const settings = { "group.id": group, "auto.commit.interval.ms": LOOK_MS, "isolation.level": isolation };
  const text = await kafkaTool(
    CONSUMER,
    [
      ...["--bootstrap-server", bootstrap, "--include", topics, "--from-beginning"],
      ...Object.entries(settings).flatMap(([name, value]) => ["--command-property", `${name}=${value}`]),
      ...SHOWN.flatMap((what) => ["--formatter-property", `print.${what}=true`]),
    ],
    { until: (signal) => readToEnd(bootstrap, { group, ends, signal }) },
  );
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [, partition, offset, headers = "", key = "", value = ""] = must(
        /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)$/.exec(line),
        `a record in ${line.slice(0, 200)}`,
      );
      return { partition: Number(partition), offset: Number(offset), headers, key, value };
    });
}

/** By topic, and then by partition; those that hold nothing are left out. */
type Ends = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Where each partition ends, when nothing in it is undecided. */
async function partitionEnds(bootstrap: string, names: RegExp): Promise<Ends> {
  const topics = await withAdmin(bootstrap, (admin) => admin.listTopics());
  return withControl(bootstrap, async (control) => {
    const found = new Map<string, ReadonlyMap<number, number>>();
    for (const topic of topics.filter((name) => names.test(name))) {
      const filled = (await settledOffsets(control, topic)).filter(({ start, end }) => end > start);
      if (filled.length > 0) found.set(topic, new Map(filled.map(({ partition, end }) => [partition, end])));
    }
    return found;
  });
}

interface Reading {
  readonly group: string;
  readonly ends: Ends;
  readonly signal: AbortSignal;
}

/** Waits until the group has written down that it is at all ends. */
async function readToEnd(bootstrap: string, { group, ends, signal }: Reading): Promise<void> {
  await withAdmin(bootstrap, (admin) =>
    waitFor(
      `${[...ends.keys()].join(", ")} to be read`,
      async () => {
        signal.throwIfAborted();
        const left = new Map([...ends].map(([topic, partitions]) => [topic, new Map(partitions)]));
        for (const { topic, partitions } of await committedBy(admin, group, [...ends.keys()]))
          for (const { partition, offset } of partitions)
            if (Number(offset) >= (ends.get(topic)?.get(partition) ?? Infinity))
              left.get(topic)?.delete(partition);
        return [...left.values()].every(({ size }) => size === 0);
      },
      { timeoutMs: READ_MS_MAX, intervalMs: LOOK_MS },
    ),
  );
}

/** Where a group is; nowhere while the brokers are still making out which of them knows. */
async function committedBy(admin: Admin, groupId: string, topics: string[]) {
  return admin.fetchOffsets({ groupId, topics }).catch((error: unknown) => {
    if (error instanceof Error && Reflect.get(error, "retriable") === true) return [];
    throw error;
  });
}
