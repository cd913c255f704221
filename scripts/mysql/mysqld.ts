import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../../src/util/errors.ts";
import { isThere } from "../is-there.ts";
import { setupError } from "../setup-error.ts";
import { serverGreeting } from "./greeting.ts";
import type { MysqlInstall } from "./install.ts";
import type { ServerRelease } from "./release.ts";
import { userFlags } from "./user-flags.ts";

const START_MS_MAX = 60_000;
const POLL_MS = 20;

const BASE_FLAGS = [
  "--bind-address=127.0.0.1",
  "--socket=mysqld.sock",
  "--pid-file=mysqld.pid",
  "--secure-file-priv=",
  "--server-id=1",
  "--binlog-row-metadata=FULL",
  "--innodb-buffer-pool-size=256M",
  "--innodb-buffer-pool-load-at-startup=OFF",
  "--innodb-buffer-pool-dump-at-shutdown=OFF",
  "--max-connections=300",
];
const FAST_FLAGS = [
  "--sync-binlog=0",
  "--innodb-flush-log-at-trx-commit=2",
  "--innodb-flush-method=nosync",
  "--innodb-doublewrite=OFF",
];
export const DURABLE_FLAGS = ["--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1"];

/** How one mysqld is run. Its socket, pid file and binlogs lie in its data folder. */
export function mysqldArgs(options: {
  readonly release: ServerRelease;
  readonly install: MysqlInstall;
  readonly dataDir: string;
  readonly port: number;
  /** They come last, so they win over ours. */
  readonly flags: readonly string[];
}): string[] {
  return [
    ...options.install.args,
    ...userFlags(),
    `--datadir=${options.dataDir}`,
    `--log-error=${logPathOf(options.dataDir)}`,
    `--port=${options.port}`,
    ...BASE_FLAGS,
    ...options.release.flags,
    ...FAST_FLAGS,
    ...options.flags,
  ];
}

/** Beside the data folder, so that the log of a server that could not start is kept apart from it. */
export const logPathOf = (dataDir: string): string => `${dataDir}.log`;

export const pidFileOf = (dataDir: string): string => join(dataDir, "mysqld.pid");

/** A killed server leaves its pid file, which `untilUp` would take for that of the next one. */
export const removePidFile = (dataDir: string): Promise<void> => rm(pidFileOf(dataDir), { force: true });

/**
 * Waits until a mysqld that has just been started accepts sessions; the version it announces.
 *
 * @throws SyncError (SETUP) with the last errors of its log when it ended or stayed silent.
 */
export async function untilUp(options: {
  readonly port: number;
  readonly dataDir: string;
  readonly alive: () => boolean;
}): Promise<string> {
  const deadline = Date.now() + START_MS_MAX;
  while (options.alive() && Date.now() < deadline) {
    // mysqld writes its pid file after it has bound the port, so a greeting from then on is its own.
    const version = (await isThere(pidFileOf(options.dataDir))) ? await serverGreeting(options.port) : null;
    if (version !== null) return version;
    await delay(POLL_MS);
  }
  const what = options.alive() ? `did not answer within ${START_MS_MAX / 1000} s` : "ended at its start";
  const said = await logTail(logPathOf(options.dataDir), "no log");
  throw setupError(`mysqld on port ${options.port} ${what}: ${said}`, {
    hint: "check the flags given, and the free memory and disk space",
  });
}

/** The last lines of a server log that speak of errors, or else its last lines, or `otherwise`. */
async function logTail(path: string, otherwise: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  });
  const lines = text.trim().split("\n");
  const errors = lines.filter((line) => line.includes("[ERROR]"));
  return (errors.length > 0 ? errors : lines).slice(-5).join(" | ") || otherwise;
}
