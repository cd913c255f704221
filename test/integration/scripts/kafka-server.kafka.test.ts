import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { clusterMetadata } from "../../../scripts/kafka/cluster-metadata.ts";
import { kafkaTool } from "../../../scripts/kafka/tool.ts";
import { isThere } from "../../../scripts/is-there.ts";
import { must } from "../../../src/util/assert.ts";
import { missingKafka } from "../../support/kafka-shared.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TOPICS = "org.apache.kafka.tools.TopicCommand";
const PRODUCER = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const to = (bootstrap: string, topic: string): readonly string[] => [
  ...["--bootstrap-server", bootstrap],
  ...["--topic", topic],
];

const create = (bootstrap: string, topic: string): Promise<string> =>
  kafkaTool(TOPICS, [...to(bootstrap, topic), "--create"]);

/** The tool waits until all replicas that must have the lines have them. */
const produce = (bootstrap: string, topic: string, lines: readonly string[]): Promise<string> =>
  kafkaTool(PRODUCER, to(bootstrap, topic), { input: `${lines.join("\n")}\n` });

async function consume(bootstrap: string, topic: string, count: number): Promise<readonly string[]> {
  const from = [...to(bootstrap, topic), "--partition", "0", "--offset", "earliest"];
  const text = await kafkaTool(CONSUMER, [...from, "--max-messages", String(count), "--timeout-ms", "20000"]);
  return text.trim().split("\n");
}

test("the shared broker takes records of a topic, and makes no topic by itself", async ({ kafka }) => {
  const [topic, absent] = [kafka.uniqueName(), kafka.uniqueName()];
  await create(kafka.bootstrap, topic);
  await Promise.all([
    produce(kafka.bootstrap, topic, ["one", "zwölf"]),
    // It says so, and then ends as if all were well.
    kafkaTool(PRODUCER, [...to(kafka.bootstrap, absent), "--max-block-ms", "500"], { input: "lost\n" }),
  ]);
  expect(await consume(kafka.bootstrap, topic, 2)).toEqual(["one", "zwölf"]);
  expect(await kafkaTool(TOPICS, ["--bootstrap-server", kafka.bootstrap, "--list"])).not.toContain(absent);
});

test("a killed, stopped or paused broker goes on with its address and its records", async ({
  startKafka,
}) => {
  await using kafka = await startKafka({ advertisedPort: 1 });
  const { process: broker } = kafka;
  expect(kafka.brokers).toEqual(["127.0.0.1:1"]);
  await create(broker.admin, "t");
  await produce(broker.admin, "t", ["a", "b"]);
  const before = await clusterMetadata(broker.internalPort);
  const advertised = async (): Promise<boolean> => (await clusterMetadata(broker.port())) !== null;
  await broker.kill();
  expect([broker.running, await advertised()]).toEqual([false, false]);
  await broker.start();
  broker.pause();
  expect([broker.running, await advertised()]).toEqual([true, false]);
  broker.resume();
  expect(await advertised()).toBe(true);
  await broker.stop();
  await broker.start({ "log.retention.ms": "7200000" });
  expect(await clusterMetadata(broker.internalPort)).toEqual(before);
  expect(await consume(broker.admin, "t", 2)).toEqual(["a", "b"]);
});

test("a cluster goes on without a broker that was killed, which comes back", async ({
  startKafkaCluster,
}) => {
  await using kafka = await startKafkaCluster();
  const { servers } = kafka.process;
  const [first] = servers;
  expect(kafka.brokers).toEqual(servers.map((server) => `127.0.0.1:${server.port()}`));
  await create(kafka.bootstrap, "t");
  await produce(kafka.bootstrap, "t", ["a"]);
  await must(first, "broker 1").kill();
  await produce(kafka.bootstrap, "t", ["b"]);
  await must(first, "broker 1").start();
  await kafka.process.untilComplete();
  await waitFor("the replicas of the killed broker to catch up", async () => {
    const behind = ["--describe", "--under-replicated-partitions"];
    return (await kafkaTool(TOPICS, ["--bootstrap-server", kafka.process.admin, ...behind])) === "";
  });
  expect(await consume(must(first, "broker 1").admin, "t", 2)).toEqual(["a", "b"]);
});

test("a broker that cannot start says why and leaves nothing behind", async ({
  startKafka,
  onTestFinished,
}) => {
  await using dir = await tempDir();
  vi.stubEnv("TMPDIR", dir.path);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(startKafka({ properties: { "num.io.threads": "none" } })).rejects.toThrow(
    "Invalid value none for configuration num.io.threads",
  );
  expect(await readdir(dir.path)).toEqual([]);
});

test("the broker and its data go with a parent that is killed", async ({ skip }) => {
  const missing = await missingKafka();
  skip(missing !== null, `no Kafka: ${missing ?? ""}`);
  const parent = spawn(process.execPath, [join(import.meta.dirname, "kafka-parent.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const broker = JSON.parse(line.toString()) as { readonly pid: number; readonly folder: string };
  expect([isAlive(broker.pid), await isThere(broker.folder)]).toEqual([true, true]);
  parent.kill("SIGKILL");
  await waitFor("the end of the broker", () => !isAlive(broker.pid), { timeoutMs: 5000 });
  await waitFor("the end of its data", async () => !(await isThere(broker.folder)), { timeoutMs: 5000 });
});
