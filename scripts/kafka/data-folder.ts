import { createHash, randomBytes } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "../../src/util/assert.ts";
import { codeOf, messageOf } from "../../src/util/errors.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { brokerProperties } from "./broker-properties.ts";
import type { KafkaInstall } from "./jars.ts";
import type { KafkaUsers } from "./listener.ts";
import { propertiesText } from "./properties-text.ts";

/** What the metadata of a new cluster begins with: the levels of its features, and its SCRAM users. */
const BOOTSTRAP = "bootstrap.checkpoint";
const IDENTITY = "meta.properties";

/** A new name for a cluster or a folder, as Kafka writes it: 16 bytes in URL-safe Base64. */
export function newKafkaId(): string {
  for (;;) {
    const id = randomBytes(16).toString("base64url");
    // Kafka avoids this one too, since tools would take it for an option.
    if (!id.startsWith("-")) return id;
  }
}

/**
 * Makes the data folder of a broker that has never run, unless it is there, in a few milliseconds: Kafka's own tool
 * takes seconds, and what it writes is the same for all brokers but for three names. So it runs once into the cache.
 *
 * @returns the id of the cluster to which the folder belongs
 */
export async function dataFolder(
  path: string,
  options: {
    readonly install: KafkaInstall;
    readonly nodeId: number;
    /** For a new folder. */
    readonly clusterId: string;
    readonly users: KafkaUsers;
  },
): Promise<string> {
  const present = await clusterIdOf(path);
  if (present !== null) return present;
  const template = await formatted(options.install, options.users);
  await mkdir(path, { recursive: true });
  await copyFile(join(template, BOOTSTRAP), join(path, BOOTSTRAP));
  const identity = {
    version: "1",
    "cluster.id": options.clusterId,
    "node.id": String(options.nodeId),
    "directory.id": newKafkaId(),
  };
  // Last, because a folder with this file counts as complete.
  await writeFile(join(path, IDENTITY), propertiesText(identity));
  return options.clusterId;
}

async function clusterIdOf(path: string): Promise<string | null> {
  try {
    const text = await readFile(join(path, IDENTITY), "utf8");
    return must(/^cluster\.id=(.+)$/m.exec(text)?.[1], "cluster.id in meta.properties");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

async function formatted(install: KafkaInstall, users: KafkaUsers): Promise<string> {
  const scram = scramArgs(users);
  const key = createHash("sha256").update(scram.join("\n")).digest("hex").slice(0, 8);
  const template = join(install.folder, `formatted-${key}`);
  if (!(await isThere(template))) {
    await withFileLock(`${template}.lock`, async () => {
      if (!(await isThere(template)))
        await makeFolder(template, (fresh) => format(fresh, { install, scram }));
    });
  }
  return template;
}

/** Of the tool that formats, so that each user may log in by both kinds of SCRAM. */
export function scramArgs(users: KafkaUsers): readonly string[] {
  return Object.entries(users).flatMap(([name, password]) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name="${name}",password="${password}"]`,
    ]),
  );
}

async function format(
  folder: string,
  options: { readonly install: KafkaInstall; readonly scram: readonly string[] },
): Promise<void> {
  const { install, scram } = options;
  const config = `${folder}.properties`;
  // No port of it is ever opened, or written to the folder.
  const node = { id: 1, listeners: [], internalPort: 1, controllerPort: 2 };
  const properties = brokerProperties(node, { nodes: [node], dataDir: folder, settings: {} });
  await writeFile(config, propertiesText(properties));
  try {
    const args = ["format", "--cluster-id", newKafkaId(), "--config", config, ...scram];
    await runCommand(install.java.command, [...install.args, "kafka.tools.StorageTool", ...args]);
  } catch (cause) {
    throw setupError(`Kafka could not make a data folder: ${messageOf(cause)}`, {
      hint: "check the names and passwords of the users, and the free space of the disk",
      cause,
    });
  } finally {
    await rm(config, { force: true });
  }
  // A template that a power cut left half written would stay so for ever.
  await runCommand("sync", ["--file-system", folder]);
}
