import { kafkaTool } from "../../scripts/kafka/tool.ts";
import { must } from "../../src/util/assert.ts";

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
  /** It ends when nothing has come for so long. */
  readonly quietMs: number;
}

const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const SHOWN = ["partition", "offset", "headers", "key"];

/** All records of some topics, by a reader that knows nothing of us. */
export async function consoleRecords(
  bootstrap: string,
  { topics, isolation, quietMs }: ConsoleOptions,
): Promise<readonly ConsoleRecord[]> {
  const text = await kafkaTool(CONSUMER, [
    ...["--bootstrap-server", bootstrap, "--include", topics, "--from-beginning"],
    ...["--isolation-level", isolation, "--timeout-ms", String(quietMs)],
    ...SHOWN.flatMap((what) => ["--formatter-property", `print.${what}=true`]),
  ]);
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
