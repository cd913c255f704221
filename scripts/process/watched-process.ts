import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import { assert } from "../../src/util/assert.ts";

// Arguments: a folder to remove after the parent's death (or ""), then the command. The first shell
// waits for the command; the second reads stdin, on which nothing is ever written: its end is the
// parent's end, however that came about.
const SUPERVISOR = `
remove=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- >&2 & child=$!
orphaned=
trap 'orphaned=1; kill -KILL "$child"' USR1
(cat <&3 >/dev/null; kill -USR1 $$ || kill -KILL "$child") 2>/dev/null >&2 & watch=$!
exec 3<&-
echo "$child"
wait "$child"; code=$?
if [ -n "$orphaned" ]; then
  wait "$child"
  [ -z "$remove" ] || rm -rf -- "$remove"
else
  kill "$watch" 2>/dev/null
fi
exit "$code"
`;

export interface WatchedOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** What the command prints, both streams, is appended here. */
  readonly logPath: string;
  /** This folder disappears with the process when the parent dies without ending it. */
  readonly removeWhenOrphaned: string | null;
}

/**
 * A child process that cannot outlive this one: it is killed when this process ends in any way,
 * `kill -9` included. It runs in a session of its own, so a Ctrl-C at the terminal reaches it only
 * through us. It keeps no event loop alive.
 */
export class WatchedProcess {
  /** Of the command itself, not of the shell that supervises it. */
  readonly pid: number;
  readonly #ended: Promise<void>;
  #alive = true;
  #exitCode: number | null = null;

  private constructor(pid: number, ended: Promise<unknown[]>) {
    this.pid = pid;
    this.#ended = ended.then(([code]) => {
      this.#alive = false;
      this.#exitCode = typeof code === "number" ? code : null;
    });
  }

  static async start(options: WatchedOptions): Promise<WatchedProcess> {
    const log = await open(options.logPath, "a");
    try {
      const child = spawn(
        "/bin/sh",
        ["-c", SUPERVISOR, "sh", options.removeWhenOrphaned ?? "", options.command, ...options.args],
        { stdio: ["pipe", "pipe", log.fd], detached: true },
      );
      const { stdin, stdout } = child;
      assert(stdin instanceof Socket && stdout instanceof Socket, "both are pipes");
      const ended = once(child, "exit");
      const [line] = (await Promise.race([
        once(stdout, "data"),
        ended.then(() => Promise.reject(new Error("the supervising shell ended at once"))),
      ])) as [Buffer];
      stdout.destroy();
      child.unref();
      stdin.unref();
      return new WatchedProcess(Number(line.toString()), ended);
    } finally {
      await log.close();
    }
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** As a shell shows it, 137 after a SIGKILL; null while the process runs. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Sends a signal, if the process is still there. */
  signal(name: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (this.#alive) process.kill(this.pid, name);
  }

  /** Resolves when the process has ended, to false when `timeoutMs` passed before. */
  async waitForEnd(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    try {
      return await Promise.race([this.#ended.then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
