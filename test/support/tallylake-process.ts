import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { compileCacheFolder } from "../../scripts/cache-folder.ts";
import { programFile, type ProgramEntry } from "./program-bundle.ts";

export interface ProcessOptions {
  /** What runs before the program, in each of its threads. */
  readonly preload?: readonly ProgramEntry[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the one behind it, such as one that sets limits. */
  readonly within?: readonly string[];
  /** After it the process is killed; two minutes without it. */
  readonly timeoutMs?: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was still running when its time was over, and was killed for that. */
  readonly isOverdue: boolean;
}

/** Longer than anything that a test asks of one process. */
const TIMEOUT_MS = 120_000;

/** The program as a child process, in the folder of a config. `buildProgram` has packed it before. */
export class TallylakeProcess implements AsyncDisposable {
  static readonly #running = new Set<TallylakeProcess>();
  readonly #child: ChildProcess;
  readonly #ended: Promise<ProcessEnd>;
  #stdout = "";
  #stderr = "";

  private constructor(child: ChildProcess, timeoutMs: number) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#ended = this.#waitForEnd(timeoutMs);
    // Whoever waits sees a failure to start; a process that nobody waits for must not end the test.
    this.#ended.catch(() => undefined);
    TallylakeProcess.#running.add(this);
    const forget = (): unknown => TallylakeProcess.#running.delete(this);
    this.#ended.then(forget, forget);
  }

  /** Ends all that this process has started and that still run. */
  static killAll(): void {
    for (const running of TallylakeProcess.#running) running.signal("SIGKILL");
  }

  static start(dir: string, args: readonly string[], options: ProcessOptions = {}): TallylakeProcess {
    const imports = (options.preload ?? []).flatMap((entry) => ["--import", programFile(entry)]);
    const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
    const program = [...imports, programFile("main"), ...args];
    const [command = "", ...rest] = [...(options.within ?? []), ...node, ...program];
    const child = spawn(command, rest, {
      cwd: dir,
      stdio: ["ignore", "pipe", "pipe"],
      // Much of the start-up is the compilation of sources that do not change while tests run.
      env: { ...process.env, NODE_COMPILE_CACHE: compileCacheFolder(), ...options.env },
    });
    return new TallylakeProcess(child, options.timeoutMs ?? TIMEOUT_MS);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the process did not start");
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** How it ended. One that takes too long is killed, which shows as the signal. */
  get ended(): Promise<ProcessEnd> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) this.signal("SIGKILL");
    await this.#ended;
  }

  async #waitForEnd(timeoutMs: number): Promise<ProcessEnd> {
    let isOverdue = false;
    const timer = setTimeout(() => {
      isOverdue = this.#child.kill("SIGKILL");
    }, timeoutMs);
    try {
      const [code, signal] = (await once(this.#child, "close")) as [number | null, NodeJS.Signals | null];
      return { code, signal, stdout: this.#stdout, stderr: this.#stderr, isOverdue };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Runs the program to its end. */
export async function runTallylake(
  dir: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessEnd> {
  await using running = TallylakeProcess.start(dir, args, options);
  return await running.ended;
}
