import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { must } from "../../src/util/assert.ts";
import { freePort, isPortFree } from "../free-port.ts";
import { setupError } from "../setup-error.ts";
import { copyDataFolder, newDataFolder } from "./data-folder.ts";
import { stderrNotice, type Notice } from "../process/notice.ts";
import type { MysqlInstall } from "./install.ts";
import { DURABLE_FLAGS, logPathOf, mysqldArgs, removePidFile, untilUp } from "./mysqld.ts";
import { MYSQL, type ServerRelease } from "./release.ts";
import { WatchedProcess } from "../process/watched-process.ts";

/*
 * Real MySQL and MariaDB servers for tests, benchmarks and the quickstart, on a Debian machine without Docker and
 * without root. A server listens on 127.0.0.1 only, root has an empty password, GTIDs and full row
 * metadata are on. Any number of servers run side by side, each in a folder of its own.
 *
 * A server never outlives the process that started it, not even after a `kill -9`: see
 * WatchedProcess. One without a `dataDir` of its own leaves no data behind either.
 *
 * By default commits are not forced to disk. A killed mysqld still loses nothing, since what it
 * wrote is in the kernel's hands; only a crash of the machine would. `durable` sets what a
 * production server has, for measurements of commit latency.
 */

const STOP_MS_MAX = 60_000;

export interface MysqlServerOptions {
  /** Default: MySQL. */
  readonly release?: ServerRelease;
  /** Default: any free port of 127.0.0.1. It stays the same across restarts. */
  readonly port?: number;
  /** A folder that is kept; made when absent. Default: a temporary one that ends with the server. */
  readonly dataDir?: string;
  /** The data folder of a stopped server to start from, with its UUID and binlogs; it stays untouched. */
  readonly copyOf?: string;
  /** Force every commit to disk, as a production server does. */
  readonly durable?: boolean;
  readonly notice?: Notice;
}

export class MysqlServer {
  readonly port: number;
  readonly dataDir: string;
  readonly #release: ServerRelease;
  readonly #install: MysqlInstall;
  readonly #temporary: string | null;
  #flags: readonly string[];
  #process: WatchedProcess | null = null;
  #version = "";

  private constructor(options: {
    readonly port: number;
    readonly dataDir: string;
    readonly temporary: string | null;
    readonly release: ServerRelease;
    readonly install: MysqlInstall;
    readonly flags: readonly string[];
  }) {
    this.port = options.port;
    this.dataDir = options.dataDir;
    this.#temporary = options.temporary;
    this.#release = options.release;
    this.#install = options.install;
    this.#flags = options.flags;
  }

  /** Unpacks the server unless it is there; its version. Starting one does this as well. */
  static async install(notice: Notice = stderrNotice, release: ServerRelease = MYSQL): Promise<string> {
    return (await release.install(notice)).version;
  }

  /** Starts a server; `flags` go to mysqld after ours, so they win. */
  static async start(flags: readonly string[] = [], options: MysqlServerOptions = {}): Promise<MysqlServer> {
    const { release = MYSQL } = options;
    const install = await release.install(options.notice ?? stderrNotice);
    const temporary =
      options.dataDir === undefined ? await mkdtemp(join(tmpdir(), "tallylake-mysql-")) : null;
    try {
      const dataDir = resolve(options.dataDir ?? join(must(temporary, "temporary folder"), "data"));
      if (!(await release.isDataFolder(dataDir))) {
        if (options.copyOf === undefined) await newDataFolder(dataDir, { release, install, flags });
        else await copyDataFolder({ from: options.copyOf, to: dataDir });
      }
      const all = options.durable === true ? [...DURABLE_FLAGS, ...flags] : flags;
      for (;;) {
        const port = options.port ?? (await freePort());
        const server = new MysqlServer({ port, dataDir, temporary, release, install, flags: all });
        try {
          await server.#run();
          return server;
        } catch (error) {
          // Somebody else may have taken the port that was free a moment ago.
          if (options.port !== undefined || (await isPortFree(port))) throw error;
        }
      }
    } catch (error) {
      if (temporary !== null) await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  /** As the server announces it: `9.7.4-2`. */
  get version(): string {
    return this.#version;
  }

  /** Of mysqld itself, for its CPU time and memory under /proc. */
  get pid(): number {
    return must(this.#process, "running mysqld").pid;
  }

  get running(): boolean {
    return this.#process?.alive ?? false;
  }

  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}`;
  }

  /** The server's error log so far. */
  async log(): Promise<string> {
    return readFile(logPathOf(this.dataDir), "utf8");
  }

  /** A clean shutdown; the data stays for `restart`. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running === null) return;
    running.signal("SIGTERM");
    if (!(await running.waitForEnd(STOP_MS_MAX))) {
      running.signal("SIGKILL");
      throw setupError(`mysqld on port ${this.port} did not stop within ${STOP_MS_MAX / 1000} s`, {
        hint: `see ${logPathOf(this.dataDir)}; it has been killed`,
      });
    }
    this.#process = null;
  }

  /** What a crash of the server is like; the data stays for `restart`. */
  async kill9(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.waitForEnd(STOP_MS_MAX);
    this.#process = null;
  }

  /** Starts the stopped or killed server again on the same port, a running one after a clean stop. */
  async restart(flags?: readonly string[]): Promise<void> {
    await this.stop();
    if (flags !== undefined) this.#flags = [...this.#flags, ...flags];
    await this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#temporary === null) {
      await this.stop();
      return;
    }
    await this.kill9();
    await rm(this.#temporary, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const { port, dataDir } = this;
    await removePidFile(dataDir);
    const started = await WatchedProcess.start({
      command: this.#install.command,
      args: mysqldArgs({
        release: this.#release,
        install: this.#install,
        dataDir,
        port,
        flags: this.#flags,
      }),
      logPath: logPathOf(dataDir),
      removeWhenOrphaned: this.#temporary,
    });
    this.#process = started;
    try {
      this.#version = await untilUp({ port, dataDir, alive: () => started.alive });
    } catch (error) {
      await this.kill9();
      throw error;
    }
  }
}
