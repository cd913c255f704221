import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { must } from "../../src/util/assert.ts";
import { textWidth } from "../../src/util/text-width.ts";
import { mysqlTest as test } from "../support/mysql.ts";
import { missingMysql } from "../support/mysql-shared.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const QUICKSTART = join(import.meta.dirname, "../../scripts/quickstart.ts");

interface Run {
  /** All that it printed so far. */
  readonly text: () => string;
  readonly pid: number;
  readonly ended: Promise<number | null>;
}

/** As the wrapper starts it, which only installs packages before; a small shop of its own server. */
function quickstart(folder: string, options: readonly string[] = []): Run {
  const env = { ...process.env, TEST_MYSQL_URL: "", TMPDIR: folder };
  const args = [QUICKSTART, "--scale", "0.02", "--folder", join(folder, "run"), ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { text: () => text, pid: must(child.pid, "its pid"), ended };
}

/** Processes that work in the folder, or on it. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      return command.includes(folder) || cwd.startsWith(folder) ? [command.replaceAll("\0", " ")] : [];
    }),
  );
  return found.flat();
}

test("the quickstart proves its tables after a kill -9, and leaves no process", async ({ skip }) => {
  const missing = await missingMysql();
  skip(missing !== null, `no MySQL: ${missing ?? ""}`);
  await using dir = await tempDir();
  const run = quickstart(dir.path);
  const code = await run.ended;
  const lines = run.text().trimEnd().split("\n");
  expect(code, run.text()).toBe(0);
  expect(lines.filter((line) => line.startsWith("match: "))).toEqual([
    expect.stringMatching(/^match: [\d,]+ rows, equal in MySQL and the lake after a kill -9 \([\d.]+ s\)$/),
  ]);
  expect(run.text()).toMatch(/\n {2}Killed while it committed shop\./);
  expect(lines.filter((line) => textWidth(line) > 100)).toEqual([]);
  expect(await processesOf(dir.path)).toEqual([]);
  expect((await readdir(dir.path)).sort()).toEqual(["run", "run.lock"]);
});

test("a signal in the middle ends all that it started", async ({ skip }) => {
  const missing = await missingMysql();
  skip(missing !== null, `no MySQL: ${missing ?? ""}`);
  await using dir = await tempDir();
  const run = quickstart(dir.path);
  await waitFor("follow at work", () => / INFO {2}commit /.test(run.text()), { timeoutMs: 90_000 });
  expect((await processesOf(dir.path)).length).toBeGreaterThan(2);
  process.kill(run.pid, "SIGINT");
  expect(await run.ended, run.text()).toBe(130);
  await waitFor("the end of its processes", async () => (await processesOf(dir.path)).length === 0);
  expect(run.text().trimEnd().split("\n").at(-1)).toBe("  SIGINT: ending what was started");
});
