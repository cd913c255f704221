import { setTimeout as delay } from "node:timers/promises";
import { throwIfAborted } from "../../src/util/abort.ts";
import { WatchedProcess } from "../process/watched-process.ts";
import { LineReader } from "./line-reader.ts";
import { MAIN, PROGRAM } from "./tool.ts";
import type { Narrator } from "./narrator.ts";
import { stepError } from "./step-error.ts";

const POLL_MS = 2;
const WAIT_MS_MAX = 90_000;
const END_MS_MAX = 60_000;

export interface FollowerOptions {
  readonly narrator: Narrator;
  /** Takes what the program prints. */
  readonly logPath: string;
  /** Lines to show; the rest is counted. */
  readonly linesMax: number;
  readonly signal: AbortSignal;
}

/**
 * A running `tallylake follow`, as a process that is there to be killed. What it logs is shown as it comes.
 * It never outlives this process.
 */
export class Follower implements AsyncDisposable {
  readonly #process: WatchedProcess;
  readonly #options: FollowerOptions;
  readonly #lines: LineReader;
  readonly #committed = new Map<string, number>();
  readonly #output: ReturnType<Narrator["output"]>;

  private constructor(process: WatchedProcess, options: FollowerOptions) {
    this.#process = process;
    this.#options = options;
    this.#lines = new LineReader(options.logPath);
    this.#output = options.narrator.output(options.linesMax);
  }

  static async start(options: FollowerOptions): Promise<Follower> {
    options.narrator.command([PROGRAM, "follow"]);
    const started = await WatchedProcess.start({
      command: process.execPath,
      args: [MAIN, "follow"],
      logPath: options.logPath,
      removeWhenOrphaned: null,
    });
    return new Follower(started, options);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Commits so far, by table. */
  get committed(): ReadonlyMap<string, number> {
    return this.#committed;
  }

  /**
   * Waits until `condition` holds, looking every few milliseconds; whether it came to hold in time.
   * @throws SyncError when the program ended meanwhile
   */
  async waitFor(condition: () => boolean, timeoutMs = WAIT_MS_MAX): Promise<boolean> {
    for (const start = performance.now(); performance.now() - start < timeoutMs;) {
      this.#read();
      if (condition()) return true;
      throwIfAborted(this.#options.signal);
      if (!this.#process.alive) {
        this.#end();
        throw stepError(
          `follow ended by itself, with code ${this.#process.exitCode ?? "unknown"}`,
          `read what it says above, and all of it in ${this.#options.logPath}`,
        );
      }
      await delay(POLL_MS);
    }
    return false;
  }

  async kill9(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.waitForEnd(END_MS_MAX);
    this.#end();
  }

  /** Asks it to end, and waits for that; its exit code, or null when it did not end in time. */
  async stop(): Promise<number | null> {
    this.#process.signal("SIGTERM");
    const hasEnded = await this.#process.waitForEnd(END_MS_MAX);
    this.#end();
    return hasEnded ? this.#process.exitCode : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#process.alive) return;
    this.#process.signal("SIGKILL");
    await this.#process.waitForEnd(END_MS_MAX);
  }

  #read(): void {
    for (const line of this.#lines.read()) {
      const table = / commit table=(\S+) /.exec(line)?.[1];
      if (table !== undefined) this.#committed.set(table, (this.#committed.get(table) ?? 0) + 1);
      this.#output.line(line);
    }
  }

  #end(): void {
    this.#read();
    this.#output.end();
  }
}
