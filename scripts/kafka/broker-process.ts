import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../../src/util/errors.ts";
import { setupError } from "../setup-error.ts";
import { brokerProperties, type KafkaSettings } from "./broker-properties.ts";
import { clusterMetadata } from "./cluster-metadata.ts";
import { dataFolder } from "./data-folder.ts";
import { JVM_FLAGS } from "./java.ts";
import type { KafkaInstall } from "./jars.ts";
import { lastWords } from "./last-words.ts";
import type { KafkaNode } from "./node.ts";
import { propertiesText } from "./properties-text.ts";

const START_MS_MAX = 60_000;
const POLL_MS = 20;

const HEAP_FLAGS = ["-Xms64m", "-Xmx256m", "-XX:+ExitOnOutOfMemoryError"];

export const logPathOf = (folder: string): string => join(folder, "kafka.log");
export const configPathOf = (folder: string): string => join(folder, "server.properties");

/**
 * Writes what a broker needs in its folder before it runs; data that is there stays.
 *
 * @returns the id of its cluster
 */
export async function prepareBroker(
  folder: string,
  broker: {
    readonly install: KafkaInstall;
    readonly node: KafkaNode;
    /** All of the cluster. */
    readonly nodes: readonly KafkaNode[];
    /** Of a cluster that is new. */
    readonly clusterId: string;
    readonly settings: KafkaSettings;
  },
): Promise<string> {
  const { install, node, nodes, clusterId, settings } = broker;
  const dataDir = join(folder, "data");
  await mkdir(folder, { recursive: true });
  const properties = brokerProperties(node, { nodes, settings, dataDir });
  await writeFile(configPathOf(folder), propertiesText(properties));
  return dataFolder(dataDir, { install, nodeId: node.id, clusterId, users: settings.users ?? {} });
}

/** Arguments for Java that run the broker of a folder. */
export function brokerArgs(options: {
  readonly install: KafkaInstall;
  readonly folder: string;
  /** They come after ours, so they win. */
  readonly jvmFlags: readonly string[];
}): string[] {
  return [
    ...JVM_FLAGS,
    ...HEAP_FLAGS,
    ...options.jvmFlags,
    ...options.install.args,
    "kafka.Kafka",
    configPathOf(options.folder),
  ];
}

/**
 * Waits until a broker that has just been started takes part in its cluster.
 *
 * @throws SyncError (SETUP) with the last lines of its log when it ended or stayed away.
 */
export async function untilUp(options: {
  readonly node: Pick<KafkaNode, "id" | "internalPort">;
  readonly clusterId: string;
  readonly folder: string;
  /** Whether the log is still there when the caller has given up. */
  readonly isLogKept: boolean;
  readonly alive: () => boolean;
}): Promise<void> {
  const { node, clusterId, folder } = options;
  const deadline = Date.now() + START_MS_MAX;
  while (options.alive() && Date.now() < deadline) {
    const metadata = await clusterMetadata(node.internalPort);
    // Another broker may have taken the port before ours.
    if (metadata?.clusterId === clusterId && metadata.brokerIds.includes(node.id)) return;
    await delay(POLL_MS);
  }
  const what = options.alive() ? `did not join within ${START_MS_MAX / 1000} s` : "ended at its start";
  const log = logPathOf(folder);
  const hint = "check the properties given, and the free memory and disk space";
  throw setupError(`Kafka broker ${node.id} ${what}: ${lastWords(await logOf(log)) || "no log"}`, {
    hint: options.isLogKept ? `${hint}; its log is ${log}` : hint,
  });
}

async function logOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}
