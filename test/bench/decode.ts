import { BatchBuilder } from "../../src/capture/batch-builder.ts";
import { openBinlog } from "../../src/capture/binlog-connection.ts";
import { EVENT, EventFramer } from "../../src/capture/binlog-event.ts";
import { ByteReader } from "../../src/capture/byte-reader.ts";
import { ByteWriter } from "../../src/capture/byte-writer.ts";
import { driverOptions } from "../../src/capture/connection-options.ts";
import { compileRowDecoder, type RowDecoder } from "../../src/capture/row-decode.ts";
import { parseTableMap, parseTableMapName } from "../../src/capture/table-map.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { must } from "../../src/util/assert.ts";
import type { BenchServer } from "./data.ts";
import { benchEndpoint } from "./endpoint.ts";
import { measure, type Figure, type Measured } from "./measure.ts";

const HEARTBEAT_MS = 500;
const OUTPUT_BYTES = 4 << 20;
const ROUNDS = 3;
/** utf8mb4_0900_ai_ci and binary are all that the bench table has. */
const COLLATIONS = new Map([
  [255, "utf8mb4"],
  [63, "binary"],
]);

/** Raw packets in memory to canonical JSON, on one thread; no server and no network in the measured part. */
export async function benchDecode(prepared: BenchServer): Promise<readonly Figure[]> {
  const events = await collect(prepared);
  const figures: Figure[] = [];
  for (const [bench, run] of [
    ["decode", decodeImages],
    ["decode-changes", decodeChanges],
  ] as const) {
    const rounds: Figure[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const unit = bench === "decode" ? "row images" : "changes";
      rounds.push(await measure({ bench, unit, serverPid: null }, async () => run(events)));
    }
    // The last rounds run on compiled code; the best of them is the least disturbed.
    figures.push(must(rounds.sort((a, b) => b.rowsPerSec - a.rowsPerSec)[0], "a round"));
  }
  return figures;
}

/** All events of the workload, as they came over the wire. */
async function collect({ server, workload }: BenchServer): Promise<readonly Uint8Array[]> {
  const events: Uint8Array[] = [];
  const end = Promise.withResolvers<undefined>();
  const connection = await openBinlog({
    driver: { ...driverOptions(benchEndpoint(server.port)) },
    serverId: 4_000_001,
    without: GtidSet.parse(workload.start.gtids),
    heartbeatMs: HEARTBEAT_MS,
    onEvent: (bytes, from, to) => {
      const type = bytes[from + 4];
      if (type === EVENT.heartbeat || type === EVENT.heartbeatV2) end.resolve(undefined);
      else events.push(Uint8Array.prototype.slice.call(bytes, from, to));
    },
    onEnd: (error) => {
      end.reject(error ?? new Error("the server closed the stream"));
    },
  });
  await end.promise;
  await connection.close();
  return events;
}

interface RowsAt {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly type: number;
  readonly decoder: RowDecoder;
}

/** The row events of `shop.orders`, framed, checked and with the decoder of their TABLE_MAP. */
function* rowEvents(events: readonly Uint8Array[]): Generator<RowsAt, void, void> {
  const framer = new EventFramer();
  let decoder: RowDecoder | null = null;
  let compiled: RowDecoder | null = null;
  for (const bytes of events) {
    const header = framer.frame(bytes, 0, bytes.length);
    if (header.type === EVENT.tableMap) {
      const { id } = parseTableMapName(bytes, header.bodyStart, header.bodyEnd);
      decoder =
        id.table === "orders"
          ? (compiled ??= compileRowDecoder(
              parseTableMap(bytes, header.bodyStart, header.bodyEnd, COLLATIONS),
            ))
          : null;
    } else if (header.type >= EVENT.writeRows && header.type <= EVENT.deleteRows && decoder !== null) {
      const r = new ByteReader(bytes, header.bodyStart, header.bodyEnd);
      r.skip(8);
      r.skip(r.u16() - 2);
      const bitmapBytes = (r.packedLength() + 7) >> 3;
      r.skip(header.type === EVENT.updateRows ? bitmapBytes * 2 : bitmapBytes);
      yield { bytes, from: r.position, to: header.bodyEnd, type: header.type, decoder };
    }
  }
}

/** Every row image, those before an update too. */
function decodeImages(events: readonly Uint8Array[]): Measured {
  const writer = new ByteWriter(OUTPUT_BYTES);
  let rows = 0;
  for (const { bytes, from, to, decoder } of rowEvents(events)) {
    if (writer.position > OUTPUT_BYTES / 2) writer.position = 0;
    let p = from;
    while (p < to) {
      writer.position = decoder.row(bytes, p, to, writer, writer.position);
      p = decoder.cursor.end;
      rows++;
    }
  }
  return { rows };
}

/** What capture does: lines of changes, with the key compared and the image before skipped. */
function decodeChanges(events: readonly Uint8Array[]): Measured {
  const schema = { id: { database: "shop", table: "orders" }, columns: [], primaryKey: ["id"], version: "" };
  const builder = new BatchBuilder(schema, { seq: 0, ordinal: 0 }, OUTPUT_BYTES);
  let rows = 0;
  builder.beginTransaction({ ordinal: 1, gtid: "bench", commitUs: 0 });
  for (const { bytes, from, to, type, decoder } of rowEvents(events)) {
    const before = builder.count;
    const operation = type === EVENT.writeRows ? "c" : type === EVENT.updateRows ? "u" : "d";
    builder.add({ operation, bytes, from, to }, decoder);
    rows += builder.count - before;
    if (builder.byteLength > OUTPUT_BYTES) builder.take();
  }
  return { rows };
}
