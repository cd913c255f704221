import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { codeOf, messageOf, SyncError } from "../src/util/errors.ts";
import { cacheFolder } from "./cache-folder.ts";
import { isPortFree } from "./free-port.ts";
import { brokerArgs, configPathOf, logPathOf, prepareBroker, untilUp } from "./kafka/broker-process.ts";
import { newKafkaId } from "./kafka/data-folder.ts";
import { installKafka } from "./kafka/install.ts";
import { listenersOr, placeNode } from "./kafka/node.ts";
import { toolArgs } from "./kafka/tool.ts";
import { stderrNotice } from "./process/notice.ts";
import { setupError } from "./setup-error.ts";

// A Kafka broker for people, which goes on running until they stop it. Tests and the quickstart start
// theirs with KafkaServer, which never outlives them.

const USAGE = `usage: node scripts/kafka-server.ts <command>

  install                          bring Kafka into the cache; nothing to do when it is there
  start [--port N] [-- name=value] start a broker that stays, on 127.0.0.1:19092 by default
  stop                             stop it; its data stays
  status                           print its address; exit code 1 when it is down
  tool CLASS [arguments]           run one of Kafka's own tools, for example
    tool org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:19092 --list

What follows -- goes to its server.properties. It takes the two ports behind its own as well.
`;

const PORT_DEFAULT = 19_092;
const STOP_MS_MAX = 60_000;
const folder = join(cacheFolder(), "kafka-server");
const pidFile = join(folder, "kafka.pid");

interface Running {
  readonly pid: number;
  readonly port: number;
}

async function main(argv: readonly string[]): Promise<number> {
  // The arguments of a tool are its own.
  if (argv[0] === "tool" && argv.length > 1) return tool(argv.slice(1));
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { port: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [command, ...properties] = positionals;
  if (values.help === true) return say(USAGE);
  switch (command) {
    case "install":
      return say(`Kafka ${(await installKafka(stderrNotice)).version} is ready\n`);
    case "start":
      return say(await start(Number(values.port ?? PORT_DEFAULT), properties));
    case "stop":
      return say(await stop());
    case "status": {
      const broker = await running();
      say(broker === null ? "down\n" : `up: 127.0.0.1:${broker.port} (pid ${broker.pid})\n`);
      return broker === null ? 1 : 0;
    }
    default:
      process.stderr.write(USAGE);
      return 64;
  }
}

async function start(port: number, assignments: readonly string[]): Promise<string> {
  const before = await running();
  if (before !== null) return `already up: 127.0.0.1:${before.port}\n`;
  const ports = [port, port + 1, port + 2];
  for (const one of ports) {
    if (await isPortFree(one)) continue;
    throw setupError(`port ${one} of 127.0.0.1 is taken`, { hint: "choose others with --port" });
  }
  const install = await installKafka(stderrNotice);
  const node = placeNode({ id: 1, listeners: listenersOr(undefined), ports, advertisedPort: undefined });
  const clusterId = await prepareBroker(folder, {
    ...{ install, node, nodes: [node], clusterId: newKafkaId() },
    settings: { properties: Object.fromEntries(assignments.map(assignment)) },
  });
  const log = await open(logPathOf(folder), "a");
  const child = spawn(install.java.command, brokerArgs({ install, folder, jvmFlags: [] }), {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  child.unref();
  await log.close();
  await writeFile(pidFile, `${child.pid ?? ""} ${port}\n`);
  await untilUp({ node, clusterId, folder, isLogKept: true, alive: () => child.exitCode === null });
  return `Kafka ${install.version} is up: 127.0.0.1:${port}\n`;
}

function assignment(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) {
    throw setupError(`${text} is no property`, { hint: "write name=value, as in server.properties" });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

async function stop(): Promise<string> {
  const broker = await running();
  if (broker === null) return "already down\n";
  process.kill(broker.pid, "SIGTERM");
  const deadline = Date.now() + STOP_MS_MAX;
  while ((await running()) !== null) {
    if (Date.now() > deadline) {
      throw setupError(`the broker, pid ${broker.pid}, did not stop within ${STOP_MS_MAX / 1000} s`, {
        hint: `see ${logPathOf(folder)}`,
      });
    }
    await delay(50);
  }
  return "stopped\n";
}

async function tool(args: readonly string[]): Promise<number> {
  const install = await installKafka(stderrNotice);
  const child = spawn(install.java.command, toolArgs(install, args), { stdio: "inherit" });
  // A Ctrl-C goes to the tool as well, and how it ends is its own affair.
  process.on("SIGINT", () => undefined);
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** Our broker, found by its pid file and by the command line of the process that has this pid now. */
async function running(): Promise<Running | null> {
  const [pid = 0, port = 0] = (await textOf(pidFile)).split(" ").map(Number);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const args = (await textOf(`/proc/${pid}/cmdline`)).split("\0");
  return args.includes(configPathOf(folder)) ? { pid, port } : null;
}

async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const remedy = error instanceof SyncError ? `\n  remedy: ${error.hint}` : "";
  process.stderr.write(`kafka-server: ${messageOf(error)}${remedy}\n`);
  process.exitCode = error instanceof SyncError ? error.exitCode : 64;
}
