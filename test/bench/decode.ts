import { BatchBuilder } from "../../src/capture/batch-builder.ts";
import { openBinlog } from "../../src/capture/binlog-connection.ts";
import { EVENT, EventFramer } from "../../src/capture/binlog-event.ts";
import { ByteReader } from "../../src/capture/byte-reader.ts";
import { ByteWriter } from "../../src/capture/byte-writer.ts";
import { ColumnBuffer } from "../../src/capture/column-buffer.ts";
import { compileColumnDecoder } from "../../src/capture/column-decode.ts";
import { driverOptions } from "../../src/capture/connection-options.ts";
import { compileRowDecoder } from "../../src/capture/row-decode.ts";
import { parseTableMap, parseTableMapName, type TableMap } from "../../src/capture/table-map.ts";
import type { RowForm } from "../../src/types/change-batch.ts";
import { columnForm } from "../../src/types/column-values.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import type { BenchServer } from "./data.ts";
import { benchEndpoint } from "./endpoint.ts";
import { measure, type Figure, type Measured } from "./measure.ts";
import { sharedSpareMemory } from "../../src/util/spare-memory.ts";

const HEARTBEAT_MS = 500;
const OUTPUT_BYTES = 4 << 20;
const BATCH_ROWS = 20_000;
const ROUNDS = 3;
const COMMIT_US = Date.UTC(2026, 6, 1) * 1000;
/** utf8mb4_0900_ai_ci and binary are all that the bench table has. */
const COLLATIONS = new Map([
  [255, "utf8mb4"],
  [63, "binary"],
]);
const CONTEXT = { collations: COLLATIONS, charsets: new Map(), countsSpatial: false, known: null };

/**
 * Raw packets in memory to canonical JSON and to columns, and to changes in each form, on one thread; no server and
 * no network in the measured part.
 */
export async function benchDecode(prepared: BenchServer): Promise<readonly Figure[]> {
  const events = await collect(prepared);
  const figures: Figure[] = [];
  for (const [bench, run] of [
    ["decode", decodeImages],
    ["decode-columns", decodeColumns],
    ["decode-changes", decodeChanges("columns")],
    ["decode-lines", decodeChanges("lines")],
    ["decode-records", decodeChanges("records")],
  ] as const) {
    const rounds: Figure[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const unit = bench === "decode" || bench === "decode-columns" ? "row images" : "changes";
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
  /** Running number of its transaction. */
  readonly transaction: number;
}

/** The first TABLE_MAP of `shop.orders`; the table does not change. */
function ordersMap(events: readonly Uint8Array[]): TableMap {
  const framer = new EventFramer();
  for (const bytes of events) {
    const header = framer.frame(bytes, 0, bytes.length);
    if (header.type !== EVENT.tableMap) continue;
    const { id } = parseTableMapName(bytes, header.bodyStart, header.bodyEnd);
    if (id.table === "orders")
      return parseTableMap(bytes, { from: header.bodyStart, to: header.bodyEnd }, CONTEXT);
  }
  throw new Error("the workload has no changes of shop.orders");
}

/** The row events of `shop.orders`, framed and checked. */
function* rowEvents(events: readonly Uint8Array[]): Generator<RowsAt, void, void> {
  const framer = new EventFramer();
  let isOrders = false;
  let transaction = 0;
  for (const bytes of events) {
    const header = framer.frame(bytes, 0, bytes.length);
    if (header.type === EVENT.gtid) {
      transaction++;
    } else if (header.type === EVENT.tableMap) {
      isOrders = parseTableMapName(bytes, header.bodyStart, header.bodyEnd).id.table === "orders";
    } else if (header.type >= EVENT.writeRows && header.type <= EVENT.deleteRows && isOrders) {
      const r = new ByteReader(bytes, header.bodyStart, header.bodyEnd);
      r.skip(8);
      r.skip(r.u16() - 2);
      const bitmapBytes = (r.packedLength() + 7) >> 3;
      r.skip(header.type === EVENT.updateRows ? bitmapBytes * 2 : bitmapBytes);
      yield { bytes, from: r.position, to: header.bodyEnd, type: header.type, transaction };
    }
  }
}

/** Every row image, those before an update too. */
function decodeImages(events: readonly Uint8Array[]): Measured {
  const writer = new ByteWriter(OUTPUT_BYTES);
  const decoder = compileRowDecoder(ordersMap(events));
  let rows = 0;
  for (const { bytes, from, to } of rowEvents(events)) {
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

/** The same into columns, as they go to the lake. */
function decodeColumns(events: readonly Uint8Array[]): Measured {
  const map = ordersMap(events);
  const columns = map.columns.map(({ type }) => new ColumnBuffer(columnForm(type)));
  const decoder = compileColumnDecoder(map, columns);
  let rows = 0;
  let batch = 0;
  for (const { bytes, from, to } of rowEvents(events)) {
    if (batch >= BATCH_ROWS) {
      for (const column of columns) column.clear();
      batch = 0;
    }
    let p = from;
    while (p < to) {
      decoder.row(bytes, p, to, batch++);
      p = decoder.cursor.end;
      rows++;
    }
  }
  return { rows };
}

/** What capture does: changes with their transactions, the key of an update compared. */
function decodeChanges(form: RowForm): (events: readonly Uint8Array[]) => Measured {
  return (events) => {
    const map = ordersMap(events);
    const schema: TableSchema = {
      ...map,
      columns: map.columns.map((column) => ({ ...column, mysqlType: "" })),
    };
    const recordSource = { source: "bench", epoch: 1, version: "0.0.0" };
    const numbering = { seq: 0, ordinal: 0 };
    const builder = new BatchBuilder(schema, { numbering, form, recordSource, spare: sharedSpareMemory() });
    const reader = builder.reader(map);
    let rows = 0;
    let open = 0;
    for (const { bytes, from, to, type, transaction } of rowEvents(events)) {
      if (transaction !== open) {
        builder.endTransaction();
        builder.beginTransaction({ ordinal: transaction, gtid: gtidOf(transaction), commitUs: COMMIT_US });
        open = transaction;
      }
      const before = builder.count;
      const operation = type === EVENT.writeRows ? "c" : type === EVENT.updateRows ? "u" : "d";
      builder.add({ operation, bytes, from, to }, reader);
      rows += builder.count - before;
      if (builder.byteLength > OUTPUT_BYTES) builder.take();
    }
    return { rows };
  };
}

const gtidOf = (transaction: number): string => `0c6af1f1-e54f-11f1-9974-02fc00000001:${transaction}`;
