import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DaemonClient } from "../../../src/app/daemon-client.ts";
import type { DaemonStatus } from "../../../src/app/daemon-protocol.ts";
import { DaemonServer, type DaemonAnswers } from "../../../src/app/daemon-server.ts";
import { daemonSocketPath } from "../../../src/app/daemon-socket.ts";
import { isSyncError, syncError } from "../../../src/types/errors.ts";
import type { TraceQuery } from "../../../src/types/ports.ts";
import { traceRecord } from "../../support/trace-record.ts";
import { tempDir } from "../../support/temp-dir.ts";

const STATUS: DaemonStatus = {
  pid: 4242,
  sinceMs: 1000,
  stops: [
    {
      ...{ database: "shop", table: "refund", code: "TABLE_DDL", message: "ALTER", hint: "run init" },
      ...{ file: "binlog.000001", offset: 77, gtids: "0c6af1f1-e54f-11f1-9974-02fc00000001:1-9" },
    },
  ],
  renewals: [
    {
      ...{ database: "shop", table: "customer", code: "TABLE_DDL", message: "ALTER", hint: "wait" },
      ...{ file: "binlog.000001", offset: 99, gtids: "", chunks: { done: 1, total: 9 } },
    },
  ],
  tables: [
    { database: "shop", table: "__proto__", checkpoint: "", through: "", throughCommitMs: null },
    { database: "shop", table: "orders", checkpoint: "", through: "", throughCommitMs: 1.5 },
  ],
  trace: { state: "away", queuedCommits: 3, oldestQueuedMs: 5, error: "refused" },
  backlog: { rows: 5, bytes: 6 },
};
const QUERY: TraceQuery = {
  source: "shop",
  tables: [{ database: "shop", table: "orders" }],
  sinceMs: 0,
};

const answers = (some: Partial<DaemonAnswers> = {}): DaemonAnswers => ({
  status: () => STATUS,
  records: async () => [],
  settle: async () => undefined,
  resnapshot: () => [],
  ...some,
});

const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work;
  } catch (error) {
    return isSyncError(error) ? [error.code, error.message] : error;
  }
};

describe("a running follow", () => {
  test("is found by its state folder, and answers as often as it is asked", async () => {
    await using dir = await tempDir();
    expect(await DaemonClient.find(dir.path)).toBe(null);
    const asked: unknown[] = [];
    const record = traceRecord(1);
    const server = await DaemonServer.open(
      daemonSocketPath(dir.path),
      answers({
        records: async (query) => {
          asked.push(query);
          return [record];
        },
        settle: async (timeoutMs) => void asked.push(timeoutMs),
      }),
    );
    const client = await DaemonClient.find(dir.path);
    expect(await client?.status()).toEqual(STATUS);
    expect(await client?.records(QUERY)).toEqual([record]);
    await client?.settle(1234);
    expect(asked).toEqual([QUERY, 1234]);
    await server.close();
    expect(await DaemonClient.find(dir.path)).toBe(null);
  });

  test("takes the place of one that was killed", async () => {
    await using dir = await tempDir();
    const path = daemonSocketPath(dir.path);
    const killed = await listen(path, () => undefined);
    // A process that is killed leaves its socket behind, on which nobody listens.
    await new Promise<void>((resolve) => killed.close(() => resolve()));
    const server = await DaemonServer.open(path, answers());
    expect(await (await DaemonClient.find(dir.path))?.status()).toEqual(STATUS);
    await server.close();
  });

  test("says what went wrong with a question", async () => {
    await using dir = await tempDir();
    const server = await DaemonServer.open(
      daemonSocketPath(dir.path),
      answers({
        records: () => Promise.reject(syncError("TRACE_UNAVAILABLE", "the store is away", { hint: "wait" })),
      }),
    );
    const client = await DaemonClient.find(dir.path);
    expect(await failure(client?.records(QUERY) ?? Promise.resolve())).toEqual([
      "DAEMON_UNAVAILABLE",
      "the running follow answers: the store is away",
    ]);
    await server.close();
  });

  test.each([
    ["ends before it has answered", "", "the running follow has ended, or is of another version"],
    ["answers with half a line", '{"ok":', "the running follow has ended, or is of another version"],
    ["is of another version", '{"ok":{"pid":1}}', "the running follow is of another version"],
  ])("that %s", async (_name, reply, message) => {
    await using dir = await tempDir();
    const server = await listen(daemonSocketPath(dir.path), () => reply);
    expect(await failure(DaemonClient.find(dir.path))).toEqual(["DAEMON_UNAVAILABLE", message]);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test("has a socket whose path fits, however deep its folder lies", async () => {
    await using dir = await tempDir();
    const deep = join(dir.path, "a".repeat(120));
    const path = daemonSocketPath(deep);
    expect(Buffer.byteLength(path)).toBeLessThan(108);
    expect(daemonSocketPath(deep)).toBe(path);
    expect(daemonSocketPath(`${deep}b`)).not.toBe(path);
    const server = await DaemonServer.open(path, answers());
    expect(await (await DaemonClient.find(deep))?.status()).toEqual(STATUS);
    await server.close();
  });
});

async function listen(path: string, reply: () => string | undefined): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("data", () => socket.end(reply() ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}
