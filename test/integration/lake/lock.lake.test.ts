import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { isSyncError } from "../../../src/types/errors.ts";
import { must } from "../../../src/util/assert.ts";
import { SIMPLE_SCHEMA } from "../../support/batch.ts";
import { testLake, type TestLake } from "../../support/lake.ts";

/** Another process that has the table open, or said why it has not. */
class Holder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly says: string;

  private constructor(child: ChildProcess, says: string) {
    this.#child = child;
    this.says = says;
  }

  static async start(lake: TestLake): Promise<Holder> {
    const script = join(import.meta.dirname, "../../support/lake-holder.ts");
    const child = spawn(process.execPath, [script, lake.dir], { stdio: ["pipe", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) return new Holder(child, line);
    throw new Error("the holder ended without a word");
  }

  get pid(): number {
    return must(this.#child.pid, "the id of a process that was started");
  }

  async end(signal: "SIGKILL" | "close"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    if (signal === "close") this.#child.stdin?.end();
    else this.#child.kill(signal);
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end("SIGKILL");
  }
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return `${error.code}: ${error.message.replace(/ \(.*\)$/, "")}`;
  }
}

test("a table has one writer among processes, named by its id, and none once it is dead", async () => {
  await using lake = await testLake();
  await using holder = await Holder.start(lake);
  expect(holder.says).toBe("open");
  const locked = `LAKE_LOCKED: the table is being written by the process with id ${holder.pid}`;
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);

  // A process that is stopped may go on at any time.
  process.kill(holder.pid, "SIGSTOP");
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);

  await holder.end("SIGKILL");
  const table = await lake.open(SIMPLE_SCHEMA);
  await using second = await Holder.start(lake);
  expect(second.says).toMatch(new RegExp(`^LAKE_LOCKED .* by the process with id ${process.pid} `));
  await table.close();
  await using third = await Holder.start(lake);
  expect(third.says).toBe("open");
  await third.end("close");
  await (await lake.open(SIMPLE_SCHEMA)).close();
});

test("a table has one writer inside a process", async () => {
  await using lake = await testLake();
  const table = await lake.open(SIMPLE_SCHEMA);
  const locked = "LAKE_LOCKED: the table is being written by this process";
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);
  await table.close();
  await table.close();
  await (await lake.open(SIMPLE_SCHEMA)).close();
});

test("an attempt that was refused does not loosen the lock of the one who holds it", async () => {
  await using lake = await testLake();
  const table = await lake.open(SIMPLE_SCHEMA);
  await refusal(() => lake.open(SIMPLE_SCHEMA));
  await using holder = await Holder.start(lake);
  expect(holder.says).toMatch(/^LAKE_LOCKED /);
  await table.close();
});
