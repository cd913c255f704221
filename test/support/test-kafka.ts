import { randomBytes } from "node:crypto";
import { KafkaCluster, type KafkaClusterOptions } from "../../scripts/kafka/cluster.ts";
import { KafkaServer, type KafkaServerOptions } from "../../scripts/kafka/server.ts";

/** Brokers on which a test may do everything with topics of its own. */
export class TestKafka {
  /** `host:port` of each. */
  readonly brokers: readonly string[];

  constructor(brokers: readonly string[]) {
    this.brokers = brokers;
  }

  /** For tools, which want one text. */
  get bootstrap(): string {
    return this.brokers.join(",");
  }

  /** A name for a topic, a group or a transactional id that no other test has. */
  uniqueName(prefix = "t"): string {
    return `${prefix}-${process.pid.toString(36)}-${randomBytes(5).toString("hex")}`;
  }
}

/** A broker of the test's own; `process` stops, kills, pauses and starts it. */
export class PrivateKafka extends TestKafka implements AsyncDisposable {
  readonly process: KafkaServer;

  constructor(process: KafkaServer) {
    super(process.brokers());
    this.process = process;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** Three brokers of the test's own, each of which can be away. */
export class PrivateKafkaCluster extends TestKafka implements AsyncDisposable {
  readonly process: KafkaCluster;

  constructor(process: KafkaCluster) {
    super(process.brokers());
    this.process = process;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

const quiet = { notice: () => undefined };

/** A broker of the test's own. Prefer the fixture `startKafka`, which skips when there can be none. */
export async function privateKafka(options: KafkaServerOptions = {}): Promise<PrivateKafka> {
  return new PrivateKafka(await KafkaServer.start({ ...quiet, ...options }));
}

/** Three of them. Prefer the fixture `startKafkaCluster`, which skips when there can be none. */
export async function privateKafkaCluster(options: KafkaClusterOptions = {}): Promise<PrivateKafkaCluster> {
  return new PrivateKafkaCluster(await KafkaCluster.start({ ...quiet, ...options }));
}
