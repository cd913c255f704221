import type { TestProject } from "vitest/node";
import type { KafkaServer } from "../../scripts/kafka/server.ts";
import type {} from "./kafka.ts";
import { startSharedKafka } from "./kafka-shared.ts";

let server: KafkaServer | null = null;

export async function setup(project: TestProject): Promise<void> {
  const started = await startSharedKafka();
  server = started.server;
  project.provide("kafka", started.shared);
}

export async function teardown(): Promise<void> {
  await server?.[Symbol.asyncDispose]();
}
