import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClusterMetadata, TopicMetadata } from "../../../../src/channel/kafka/messages.ts";
import { KafkaControl } from "../../../../src/channel/kafkajs/control.ts";

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
