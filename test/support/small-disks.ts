import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { must } from "../../src/util/assert.ts";

/** In a mount namespace of their own even ordinary users may mount, where the machine allows it at all. */
export const canMount = (): boolean =>
  spawnSync("unshare", ["-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]).status === 0;

/** Folders that are small file systems, for the processes that run `within`; they go with this object. */
export class SmallDisks implements AsyncDisposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** Each folder with the size of its file system, such as `4m`. */
  static async mount(disks: Readonly<Record<string, string>>): Promise<SmallDisks> {
    for (const folder of Object.keys(disks)) await mkdir(folder, { recursive: true });
    // It holds the namespace until its input ends, which it does with this process at the latest.
    const holder = spawn("unshare", ["-rm", "sh", "-c", "echo up; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(must(holder.stdout, "its output"), "data");
    const small = new SmallDisks(holder);
    for (const [folder, size] of Object.entries(disks))
      small.run("mount", "-t", "tmpfs", "-o", `size=${size}`, "none", folder);
    return small;
  }

  /** The command that runs another one among the disks, in its folder. */
  within(folder: string): readonly string[] {
    const pid = String(this.#holder.pid);
    return [
      ...["nsenter", "--preserve-credentials", "-U", "-m", "-t", pid],
      ...["sh", "-c", 'cd "$0" && exec "$@"', folder],
    ];
  }

  /** Runs a command among the disks. */
  run(...command: readonly string[]): void {
    const [program = "", ...args] = [...this.within("/"), ...command];
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")} ended with ${String(status)}: ${stderr}`);
  }

  remount(folder: string, options: string): void {
    this.run("mount", "-o", `remount,${options}`, folder);
  }

  /** Where others find a file of the disks. */
  pathOf(file: string): string {
    return `/proc/${String(this.#holder.pid)}/root${file}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, "close");
    this.#holder.stdin?.end();
    await ended;
  }
}
