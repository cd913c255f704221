import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { codeOf, messageOf, SyncError } from "../src/util/errors.ts";
import { cacheFolder } from "./cache-folder.ts";
import { isPortFree } from "./free-port.ts";
import { newDataFolder } from "./mysql/data-folder.ts";
import { stderrNotice } from "./process/notice.ts";
import { logPathOf, mysqldArgs, pidFileOf, removePidFile, untilUp } from "./mysql/mysqld.ts";
import { MYSQL } from "./mysql/release.ts";
import { setupError } from "./setup-error.ts";

// A MySQL server for people, which goes on running until they stop it. Tests and the quickstart
// start theirs with MysqlServer, which never outlives them.

const USAGE = `usage: node scripts/mysql-server.ts <command>

  install                       unpack MySQL into the cache; nothing to do when it is there
  start [--port N] [-- flags]   start a server that stays, on 127.0.0.1:13309 by default
  stop                          stop it; its data stays
  status                        print its address; exit code 1 when it is down

root has an empty password. Flags after -- go to mysqld.
`;

const PORT_DEFAULT = 13_309;
const STOP_MS_MAX = 60_000;
const dataDir = join(cacheFolder(), "mysql-server", "data");

interface Running {
  readonly pid: number;
  readonly port: number;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { port: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [command, ...flags] = positionals;
  if (values.help === true) return say(USAGE);
  switch (command) {
    case "install":
      return say(`MySQL ${(await MYSQL.install(stderrNotice)).version} is ready\n`);
    case "start":
      return say(await start(Number(values.port ?? PORT_DEFAULT), flags));
    case "stop":
      return say(await stop());
    case "status": {
      const server = await running();
      say(server === null ? "down\n" : `up: mysql://root@127.0.0.1:${server.port} (pid ${server.pid})\n`);
      return server === null ? 1 : 0;
    }
    default:
      process.stderr.write(USAGE);
      return 64;
  }
}

async function start(port: number, flags: readonly string[]): Promise<string> {
  const before = await running();
  if (before !== null) return `already up: mysql://root@127.0.0.1:${before.port}\n`;
  if (!(await isPortFree(port))) {
    throw setupError(`port ${port} of 127.0.0.1 is taken`, { hint: "choose another one with --port" });
  }
  const install = await MYSQL.install(stderrNotice);
  if (!(await MYSQL.isDataFolder(dataDir))) await newDataFolder(dataDir, { release: MYSQL, install, flags });
  await removePidFile(dataDir);
  const log = await open(logPathOf(dataDir), "a");
  const child = spawn(install.command, mysqldArgs({ release: MYSQL, install, dataDir, port, flags }), {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  child.unref();
  await log.close();
  const version = await untilUp({ port, dataDir, alive: () => child.exitCode === null });
  return `MySQL ${version} is up: mysql://root@127.0.0.1:${port}\n`;
}

async function stop(): Promise<string> {
  const server = await running();
  if (server === null) return "already down\n";
  process.kill(server.pid, "SIGTERM");
  const deadline = Date.now() + STOP_MS_MAX;
  while ((await running()) !== null) {
    if (Date.now() > deadline) {
      throw setupError(`mysqld, pid ${server.pid}, did not stop within ${STOP_MS_MAX / 1000} s`, {
        hint: `see ${logPathOf(dataDir)}`,
      });
    }
    await delay(50);
  }
  return "stopped\n";
}

/** Our server, found by its pid file and by the command line of the process that has this pid now. */
async function running(): Promise<Running | null> {
  const pid = Number(await textOf(pidFileOf(dataDir)));
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const args = (await textOf(`/proc/${pid}/cmdline`)).split("\0");
  const port = Number(args.find((arg) => arg.startsWith("--port="))?.slice("--port=".length));
  return args.includes(`--datadir=${dataDir}`) ? { pid, port } : null;
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
  process.stderr.write(`mysql-server: ${messageOf(error)}${remedy}\n`);
  process.exitCode = error instanceof SyncError ? error.exitCode : 64;
}
