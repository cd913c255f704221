import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openTraceStore } from "../../../src/trace/clickhouse-store.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { ORDERS, traceRecord } from "../../support/trace-record.ts";

const WRITER = fileURLToPath(new URL("../../support/trace-writer.ts", import.meta.url));

interface Written {
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Runs the writer until it ends by itself or has acknowledged so many commits, and is killed. */
async function write(
  folder: string,
  acknowledged: number,
  meanwhile?: () => Promise<void>,
): Promise<Written> {
  const child = spawn(process.execPath, [WRITER, folder], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length !== acknowledged) continue;
    await meanwhile?.();
    child.kill("SIGKILL");
  }
  await ended;
  return { lines, stderr };
}

test("what a killed process was told is recorded is there, without gap or double", async () => {
  await using dir = await tempDir();
  const { lines } = await write(dir.path, 12);
  const store = await openTraceStore({ target: { kind: "path", path: dir.path }, now: () => Date.now() });
  await store.migrate();
  const through = await store.recordedThrough("src", ORDERS);
  const records = await store.records({
    source: "src",
    tables: [ORDERS],
    sinceMs: 0,
  });
  // One more may have landed whose acknowledgement the kill cut off.
  const expected = records.map((_, i) => traceRecord(i));
  expect(lines.length).toBeGreaterThanOrEqual(12);
  expect([lines.length, lines.length + 1]).toContain(records.length);
  expect(records).toEqual(expected);
  expect(through).toBe(expected.at(-1)?.commit);
  expect(lines).toEqual(expected.slice(0, lines.length).map(({ commit }) => commit));
  await store.close();
});

test("a folder that another process has open is refused by name", async () => {
  await using dir = await tempDir();
  await write(dir.path, 1, async () => {
    const second = await write(dir.path, 1);
    expect(second.lines).toEqual([]);
    expect(second.stderr).toContain("code: 'TRACE_UNAVAILABLE'");
    expect(second.stderr).toContain("stop the other process that has this folder open");
  });
});
