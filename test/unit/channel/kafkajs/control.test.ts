import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClusterMetadata, TopicMetadata } from "../../../../src/channel/kafka/messages.ts";
import { KafkaControl } from "../../../../src/channel/kafkajs/control.ts";
import { syncError } from "../../../../src/types/errors.ts";

/* Brokers of one cluster that do not know the same: a real one is behind the others for a few milliseconds only. */

const UNKNOWN_TOPIC = 3;
const CLUSTER_AUTHORIZATION_FAILED = 31;

class FakeCluster {
  /** From when on each broker knows the topic, in milliseconds. */
  readonly knowsFromMs: number[];
  asked = 0;
  errorCode = UNKNOWN_TOPIC;

  constructor(...knowsFromMs: number[]) {
    this.knowsFromMs = knowsFromMs;
  }

  async metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    this.asked++;
    return this.#of(this.knowsFromMs[0] ?? 0, topics);
  }

  async metadataOfEach(topics: readonly string[]): Promise<readonly ClusterMetadata[]> {
    this.asked++;
    return this.knowsFromMs.map((fromMs) => this.#of(fromMs, topics));
  }

  #of(fromMs: number, topics: readonly string[]): ClusterMetadata {
    const errorCode = performance.now() < fromMs ? this.errorCode : 0;
    const all = topics.map((topic): TopicMetadata => ({ errorCode, topic, topicId: "", partitions: [] }));
    return { brokers: [], topics: all } as unknown as ClusterMetadata;
  }
}

const NEVER = Infinity;
const controlOf = (cluster: FakeCluster): KafkaControl =>
  new KafkaControl(cluster as never, () => performance.now());

/** Its partition is led by broker 2 since broker 1 does not answer; what is known is kept until it is forgotten. */
class MovedCluster {
  #leader = 1;

  async topic(): Promise<Partial<TopicMetadata>> {
    const of = { errorCode: 0, leader: this.#leader, replicas: [], inSync: [] };
    return { topicId: "", partitions: [{ partition: 0, ...of }] as never };
  }

  async leader(): Promise<number> {
    return this.#leader;
  }

  forget(): void {
    this.#leader = 2;
  }

  async send(node: number, { name }: { readonly name: string }): Promise<unknown> {
    if (node === 1) throw syncError("KAFKA_UNREACHABLE", "broker 1 does not answer", { hint: "" });
    if (name === "Fetch") return { errorCode: 0, partition: { errorCode: 0, records: null } };
    return [{ partition: 0, errorCode: 0, offset: 7 }];
  }
}

test.for<[string, (control: KafkaControl) => Promise<unknown>]>([
  ["offsets", (control) => control.offsets("t")],
  ["the newest times", (control) => control.newestTimes({ topic: "t", partition: 0 }, 0)],
  ["producers", (control) => control.producers("t")],
])("F179: %s are asked of the new leader when the old one does not answer", async ([, ask]) => {
  const control = new KafkaControl(new MovedCluster() as never, () => 0);
  await expect(ask(control)).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE" });
  await ask(control);
});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a topic is there when any broker knows it", async () => {
  const found = await controlOf(new FakeCluster(NEVER, 0, NEVER)).topics(["t"]);
  expect([...found.keys()]).toEqual(["t"]);
  expect((await controlOf(new FakeCluster(NEVER, NEVER)).topics(["t"])).size).toBe(0);
});

test("others are not asked for topics that one knows", async () => {
  const cluster = new FakeCluster(0, NEVER);
  expect([...(await controlOf(cluster).topics(["t"])).keys()]).toEqual(["t"]);
  expect(cluster.asked).toBe(1);
});

test("what is no answer about the topic is an error", async () => {
  const cluster = new FakeCluster(NEVER);
  cluster.errorCode = CLUSTER_AUTHORIZATION_FAILED;
  await expect(controlOf(cluster).topics(["t"])).rejects.toMatchObject({ code: "KAFKA_ACL_MISSING" });
});

test.for([
  ["until the last broker knows the topic", [0, 200, 50], 200],
  ["not for longer than a broker takes that lives", [0, NEVER], 12_000],
] as const)("it is waited %s", async ([, knowsFromMs, untilMs]) => {
  const startMs = performance.now();
  const spread = controlOf(new FakeCluster(...knowsFromMs.map((fromMs) => startMs + fromMs))).spread(["t"]);
  let doneMs = NaN;
  void spread.then(() => (doneMs = performance.now() - startMs));
  await vi.runAllTimersAsync();
  expect(doneMs).toBe(untilMs);
});
