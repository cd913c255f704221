import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { must } from "../../src/util/assert.ts";
import type { TestLake } from "./lake.ts";

/** Another process that has the table `shop.t` of a lake open, or said why it has not. */
export class LakeHolder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Its first words: `open`, or the code and message of a refusal. */
  readonly says: string;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, says: string) {
    this.#child = child;
    this.#lines = lines;
    this.says = says;
  }

  static async start(lake: TestLake): Promise<LakeHolder> {
    const script = join(import.meta.dirname, "lake-holder.ts");
    const child = spawn(process.execPath, [script, lake.dir], { stdio: ["pipe", "pipe", "inherit"] });
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    return new LakeHolder(child, lines, await nextLine(lines));
  }

  get pid(): number {
    return must(this.#child.pid, "the id of a process that was started");
  }

  /** Gives it a command and waits for the answer. */
  ask(command: "commit"): Promise<string> {
    this.#child.stdin?.write(`${command}\n`);
    return nextLine(this.#lines);
  }

  async end(how: "SIGKILL" | "close"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    if (how === "close") this.#child.stdin?.end();
    else this.#child.kill(how);
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end("SIGKILL");
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const next = await lines.next();
  return next.done === true ? "it ended without a word" : next.value;
}
