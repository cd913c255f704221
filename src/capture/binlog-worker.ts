import { parentPort, workerData } from "node:worker_threads";
import { decodeSourcePosition, encodeSourcePosition } from "../types/source-position.ts";
import { batchBytes } from "../types/change-batch.ts";
import { GtidSet } from "../types/gtid.ts";
import type { StreamItem } from "../types/ports.ts";
import { must } from "../util/assert.ts";
import { encodeError } from "../util/error-transfer.ts";
import { Log } from "../util/log.ts";
import { batchBuffers, plainStop, type ToMain, type ToWorker, type WorkerInput } from "./binlog-messages.ts";
import { BinlogStream } from "./binlog-stream.ts";
import { openSource } from "./source-session.ts";
import { sharedSpareMemory } from "../util/spare-memory.ts";

/**
 * The capture thread: reads and decodes the binlog, so that the main thread only hands batches on. It stops
 * reading while the main thread has more bytes in hand than it may.
 */
const port = must(parentPort, "the parent's port");
const input = workerData as WorkerInput;
const stop = new AbortController();
const spare = sharedSpareMemory();
let outstanding = 0;

const post = (message: ToMain, transfer: readonly ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
};

const log = new Log({
  level: "debug",
  format: "json",
  now: () => Date.now(),
  write: (line) => {
    post({ kind: "log", line });
  },
});

const source = openSource(input.endpoint);

const stream = new BinlogStream({
  ...input,
  patienceMs: input.patienceMs ?? null,
  driver: source.driver,
  from: decodeSourcePosition(input.from),
  held: new Map(input.held.map(([table, gtids]) => [table, GtidSet.parse(gtids)])),
  collations: new Map(input.collations),
  charsets: new Map(input.charsets),
  spare,
  history: (request) => source.history(request),
  onItem: send,
  log,
  signal: stop.signal,
  now: () => performance.now(),
  random: Math.random,
});

function send(item: StreamItem): void {
  if (item.kind === "abort") {
    post({ kind: "abort" });
    return;
  }
  if (item.kind === "position") {
    post({
      ...item,
      position: encodeSourcePosition(item.position),
      stops: item.stops.map(plainStop),
    });
    return;
  }
  const { schema, ...batch } = item.batch;
  outstanding += batchBytes(item.batch);
  if (outstanding > input.outstandingBytesMax) stream.pause();
  post({ kind: "batch", schema: input.schemas.indexOf(schema), batch }, batchBuffers(item.batch));
}

port.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "stop":
      stop.abort();
      return;
    case "taken":
      outstanding -= message.bytes;
      if (outstanding <= input.outstandingBytesMax / 2) stream.resume();
      return;
    case "memory":
      spare.give(message.memory);
  }
});

try {
  await stream.run();
  post({ kind: "end", error: null });
} catch (error) {
  post({ kind: "end", error: encodeError(error) });
} finally {
  port.close();
}
