import { mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { TraceQuery, TraceRecord } from "../types/ports.ts";
import { messageOf } from "../util/errors.ts";
import { daemonRequest, encodeRecord, type DaemonRequest, type DaemonStatus } from "./daemon-protocol.ts";

export interface DaemonAnswers {
  readonly status: () => DaemonStatus;
  readonly records: (query: TraceQuery) => Promise<readonly TraceRecord[]>;
  readonly settle: (timeoutMs: number) => Promise<void>;
  /** Names of the tables that are read again. */
  readonly resnapshot: (patterns: readonly string[]) => readonly string[];
}

const REQUEST_BYTES_MAX = 1 << 20;

/**
 * Answers `status` and `report` of the same user while `follow` runs, which alone can have the trace store
 * open in its process, and `resnapshot`, since it has the tables. The folder of the socket is the user's own.
 */
export class DaemonServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** The caller holds the tables' locks, so a socket that is there belongs to a process that is gone. */
  static async open(path: string, answers: DaemonAnswers): Promise<DaemonServer> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    const server = createServer();
    const daemon = new DaemonServer(server, path);
    server.on("connection", (socket) => {
      daemon.#serve(socket, answers);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    server.unref();
    return daemon;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    await rm(this.#path, { force: true });
  }

  #serve(socket: Socket, answers: DaemonAnswers): void {
    this.#sockets.add(socket);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > REQUEST_BYTES_MAX) socket.destroy();
      const end = text.indexOf("\n");
      if (end < 0) return;
      const request = text.slice(0, end);
      text = "";
      void answer(request, answers).then((reply) => socket.end(`${reply}\n`));
    });
  }
}

async function answer(line: string, answers: DaemonAnswers): Promise<string> {
  try {
    const request: DaemonRequest = daemonRequest.parse(JSON.parse(line));
    return JSON.stringify({ ok: await resultOf(request, answers) });
  } catch (error) {
    return JSON.stringify({ error: messageOf(error) });
  }
}

async function resultOf(request: DaemonRequest, answers: DaemonAnswers): Promise<unknown> {
  switch (request.method) {
    case "status":
      return answers.status();
    case "records":
      return (await answers.records(request.query)).map(encodeRecord);
    case "settle":
      await answers.settle(request.timeoutMs);
      return null;
    case "resnapshot":
      return answers.resnapshot(request.tables);
  }
}
