import { describe, expect, test } from "vitest";
import { BatchBuilder } from "../../../src/capture/batch-builder.ts";
import {
  checkXid,
  EventFramer,
  HEADER_BYTES,
  isOnePhaseXa,
  parseGtidEvent,
  parseRotateEvent,
} from "../../../src/capture/binlog-event.ts";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import { writeJsonText } from "../../../src/capture/json-text.ts";
import { RawCounter } from "../../../src/capture/raw-counter.ts";
import { parseTaggedGtidEvent } from "../../../src/capture/tagged-gtid.ts";
import type { MappedColumn } from "../../../src/capture/table-map.ts";
import { TrackedTables } from "../../../src/capture/tracked-tables.ts";
import type { RowForm } from "../../../src/types/change-batch.ts";
import { schemaVersion } from "../../../src/types/schema-version.ts";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";
import { must } from "../../../src/util/assert.ts";
import { sharedSpareMemory } from "../../../src/util/spare-memory.ts";
import { hasher64 } from "../../../src/util/xxhash.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { readCorpus, typeOf } from "../../support/binlog-corpus.ts";
import { int } from "../../support/event-table.ts";
import { resized } from "../../support/binlog-mutation.ts";

/* What the fuzzing of events has found, each as the smallest event that shows it. */

const corpus = readCorpus("mysql-9.7");
const { head } = corpus;
const corrupt = expect.objectContaining({ code: "BINLOG_EVENT_CORRUPT" }) as Error;

const TYPE = {
  rotate: 4,
  xid: 16,
  tableMap: 19,
  writeRows: 30,
  gtid: 33,
  xaPrepare: 38,
  taggedGtid: 42,
} as const;

const recorded = (type: number, form: "checked" | "bare" = "bare"): Buffer =>
  must(
    corpus.pieces.flatMap((piece) => piece[form]).find((event) => typeOf(event) === type),
    `an event of type ${type}`,
  );

function frameAll(...events: readonly Buffer[]): void {
  const framer = new EventFramer();
  for (const event of events) framer.frame(event, 0, event.length);
}

/** With one byte more behind it, which its header counts. */
const longer = (event: Buffer): Buffer => resized(Buffer.concat([event, Buffer.of(7)]));

describe("A40: with checksums", () => {
  const rotate = recorded(TYPE.rotate, "checked");
  const xid = recorded(TYPE.xid, "checked");

  test("an event that was damaged into the word that there are none is not believed", () => {
    const denial = Buffer.from(head.checked);
    denial[denial.length - 5] = 0;
    expect(() => {
      frameAll(denial, xid);
    }).toThrow(corrupt);
  });

  test("the server's made-up first event has to be right as well", () => {
    frameAll(rotate, head.checked, xid);
    const damaged = Buffer.from(rotate);
    damaged[HEADER_BYTES + 8] = 0x61;
    expect(() => {
      frameAll(damaged, head.checked);
    }).toThrow(corrupt);
  });

  test("nothing else comes before the description of all", () => {
    expect(() => {
      frameAll(xid);
    }).toThrow(corrupt);
  });

  test("the reader that only counts looks at them too", () => {
    const counter = new RawCounter({ isCounted: () => true, onTransaction: () => undefined });
    void counter.event(rotate);
    void counter.event(head.checked);
    void counter.event(xid);
    const damaged = Buffer.from(xid);
    damaged[HEADER_BYTES] = (damaged[HEADER_BYTES] as number) ^ 1;
    expect(() => counter.event(damaged)).toThrow(corrupt);
  });
});

describe("every event is read to its last byte", () => {
  const body = [HEADER_BYTES] as const;

  test.for([
    ["GTID", recorded(TYPE.gtid), parseGtidEvent],
    ["tagged GTID", recorded(TYPE.taggedGtid), parseTaggedGtidEvent],
    [
      "XID",
      recorded(TYPE.xid),
      (_: Buffer, from: number, to: number) => {
        checkXid(from, to);
      },
    ],
    ["XA_PREPARE", recorded(TYPE.xaPrepare), isOnePhaseXa],
  ] as const)("%s", ([, event, parse]) => {
    parse(event, ...body, event.length);
    expect(() => parse(longer(event), ...body, event.length + 1)).toThrow(corrupt);
  });

  test("ROTATE names a file of a binlog, and a place in it", () => {
    const rotate = recorded(TYPE.rotate);
    expect(parseRotateEvent(rotate, ...body, rotate.length).offset).toBe(4);
    expect(() => parseRotateEvent(longer(rotate), ...body, rotate.length + 1)).toThrow(corrupt);
  });
});

function schemaOf(columns: readonly MappedColumn[]): TableSchema {
  return {
    id: { database: "d", table: "t" },
    columns: columns.map((column) => ({ ...column, mysqlType: "" })),
    primaryKey: ["id"],
    version: schemaVersion(columns, ["id"]),
  };
}

/** Reads the image of a row of a key and one value. */
function read(
  type: ColumnType,
  {
    image,
    form,
    lengthBytes = 0,
    behind = 16,
  }: {
    readonly image: string;
    readonly form: RowForm;
    readonly lengthBytes?: number;
    readonly behind?: number;
  },
): void {
  const columns: readonly MappedColumn[] = [int("id"), { name: "v", type, lengthBytes }];
  const schema = schemaOf(columns);
  const { id, version } = schema;
  const builder = new BatchBuilder(schema, {
    numbering: { seq: 0, ordinal: 0 },
    form,
    recordSource: { source: "s", epoch: 1, version: "" },
    spare: sharedSpareMemory(),
  });
  builder.beginTransaction({ ordinal: 1, gtid: "", commitUs: 0 });
  const bytes = Buffer.from(`0001000000${image}`, "hex");
  // What lies behind an event would make a right value of the one that is cut short.
  const around = Buffer.concat([bytes, Buffer.alloc(behind, 1)]);
  builder.add(
    { operation: "c", bytes: around, from: 0, to: bytes.length },
    builder.reader({ id, columns, primaryKey: ["id"], version }),
  );
}

describe.for(["columns", "lines", "records"] as const)("%s: a value that cannot be", (form) => {
  test.for<readonly [string, ColumnType, string, string]>([
    ["a DATE of month 13", { kind: "date" }, "5fd10f", "bfd10f"],
    ["a DATE of the year 10000", { kind: "date" }, "5f1e4e", "21204e"],
    ["a DATETIME of hour 24", { kind: "datetime", fsp: 0 }, "99b2037000", "99b2038000"],
    ["a DATETIME of minute 60", { kind: "datetime", fsp: 0 }, "99b2030ec0", "99b2030f00"],
    ["a DATETIME of second 60", { kind: "datetime", fsp: 0 }, "99b203003b", "99b203003c"],
    ["a DATETIME before the year 0", { kind: "datetime", fsp: 0 }, "8000000000", "7fb2030000"],
    [
      "a fraction of four digits in a DATETIME(3)",
      { kind: "datetime", fsp: 3 },
      "99b20300000a0a",
      "99b20300000a0b",
    ],
    ["a TIME of hour 839", { kind: "time", fsp: 0 }, "b46efb", "b47000"],
    ["a TIME of second 63", { kind: "time", fsp: 0 }, "80003b", "80003f"],
    ["a fraction of a second above all", { kind: "timestamp", fsp: 6 }, "660000000f423f", "660000000f4240"],
    [
      "ten digits in a group of nine of a DECIMAL",
      { kind: "decimal", precision: 9, scale: 0 },
      "bb9ac9ff",
      "bb9aca00",
    ],
    [
      "ten digits in a group of a long DECIMAL",
      { kind: "decimal", precision: 18, scale: 9 },
      "800000003b9ac9ff",
      "800000003b9aca00",
    ],
    ["an ENUM that ends behind its event", { kind: "enum", members: ["a"] }, "01", ""],
    [
      "an integer that ends behind its event",
      { kind: "int", bytes: 8, unsigned: true },
      "0100000000000000",
      "01000000000000",
    ],
  ])("%s", ([, type, right, wrong]) => {
    read(type, { image: right, form });
    expect(() => {
      read(type, { image: wrong, form });
    }).toThrow(corrupt);
  });

  test.for<readonly [string, ColumnType, string, string]>([
    ["an infinite FLOAT", { kind: "float" }, "ffff7f7f", "0000807f"],
    ["a DOUBLE that is no number", { kind: "double" }, "ffffffffffffef7f", "010000000000f87f"],
  ])("B76: %s", ([, type, right, wrong]) => {
    read(type, { image: right, form });
    expect(() => {
      read(type, { image: wrong, form });
    }).toThrow(corrupt);
  });

  test("a length that is cut short where the memory ends", () => {
    const type: ColumnType = { kind: "text", form: "text", charset: "utf8mb4" };
    for (const [image, lengthBytes] of [
      ["01", 2],
      ["", 1],
      ["0000", 3],
      ["010000", 4],
    ] as const) {
      for (const behind of [0, 16]) {
        expect(() => {
          read(type, { image, form, lengthBytes, behind });
        }).toThrow(corrupt);
      }
    }
  });

  test("a BINARY that is longer than its column", () => {
    const type: ColumnType = { kind: "bytes", form: "binary", length: 2 };
    read(type, { image: "020102", form, lengthBytes: 1 });
    expect(() => {
      read(type, { image: "03010203", form, lengthBytes: 1 });
    }).toThrow(corrupt);
  });
});

test("rows are read as their own TABLE_MAP says, and not as one of the same columns with other lengths", () => {
  const text: ColumnType = { kind: "text", form: "varchar", charset: "utf8mb4" };
  const tables = new TrackedTables({
    ...{ collations: new Map([[255, "utf8mb4"]]), charsets: new Map(), numbering: { seq: 0, ordinal: 0 } },
    ...{
      form: "columns",
      foldsCase: false,
      countsSpatial: false,
      held: new Map(),
      spare: sharedSpareMemory(),
    },
    recordSource: { source: "s", epoch: 1, version: "" },
    schemas: [schemaOf([int("id"), { name: "v", type: text, lengthBytes: 1 }])],
  });
  tables.beginTransaction({ ordinal: 1, gtid: "", commitUs: 0 }, false);
  const hasher = hasher64();
  const take = (type: number, body: string): void => {
    const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(body.replaceAll(" ", ""), "hex")]);
    const header = {
      type,
      endOffset: 0,
      isIgnorable: false,
      isV1: false,
      bodyStart: HEADER_BYTES,
      bodyEnd: bytes.length,
    };
    if (type === TYPE.tableMap) tables.map(bytes, header, hasher);
    else expect(tables.rows(bytes, header, hasher)).toBeNull();
  };
  /** Columns `id` and `v`: signedness, character set, names, key. */
  const extras = "01 01 00 02 01 ff 04 05 02 6964 01 76 08 01 00".replace("02 01 ff", "02 03 fcff00");
  // A VARCHAR(50) of at most 200 bytes, and one of 400: what is behind `03 0f`.
  for (const [number, size, value] of [
    ["01", "c800", "02 6161"],
    ["02", "9001", "0200 6262"],
    ["01", "c800", "02 6363"],
  ] as const) {
    take(TYPE.tableMap, `${number}0000000000 0000 01 64 00 01 74 00 02 03 0f 02 ${size} 02 ${extras}`);
    take(TYPE.writeRows, `${number}0000000000 0000 0200 02 ff 00 01000000 ${value}`);
  }
  expect(tables.takeBatches().flatMap(batchRows)).toEqual(
    ["aa", "bb", "cc"].map((v) => JSON.stringify({ id: 1, v })),
  );
});

describe("a JSON document", () => {
  const write = (hex: string): string => {
    const bytes = Buffer.from(hex, "hex");
    const w = new ByteWriter(8);
    const end = writeJsonText(w, 0, bytes, 0, bytes.length);
    return Buffer.from(w.bytes.subarray(0, end)).toString("utf8");
  };

  test("whose array has itself twice is refused at once, not unfolded for ever", () => {
    expect(write("02 0200 0a00 040000 040100".replaceAll(" ", ""))).toBe("[null, true]");
    expect(() => write("02 0200 0a00 020000 020000".replaceAll(" ", ""))).toThrow(corrupt);
  });

  test("of a decimal that no server has", () => {
    expect(write("0f f6 04 0302 8101".replaceAll(" ", ""))).toBe("1.01");
    expect(() => write("0f f6 04 c8c8 8101".replaceAll(" ", ""))).toThrow(corrupt);
    expect(() => write("0f f6 03 0302 81".replaceAll(" ", ""))).toThrow(corrupt);
  });
});

describe("the reader that only counts", () => {
  const counter = (): RawCounter => {
    const one = new RawCounter({ isCounted: () => true, onTransaction: () => undefined });
    void one.event(head.bare);
    return one;
  };

  test("refuses an event that ends before what it says it has", () => {
    const gtid = recorded(TYPE.gtid);
    expect(() => counter().event(resized(Buffer.from(gtid.subarray(0, HEADER_BYTES + 30))))).toThrow(corrupt);
  });

  /** Rows of a table whose columns are described so: types, the size of what is said of them, and that. */
  test.for<readonly [string, string, string]>([
    ["without columns", "00 00", "ff"],
    ["with columns of less than no bytes", "03 03f6f6 04 001e001e 00", "00 00000000"],
  ])("refuses rows of a table %s, which would never end", ([, columns, row]) => {
    const event = (type: number, body: string): Buffer => {
      const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(body.replaceAll(" ", ""), "hex")]);
      bytes[4] = type;
      return resized(bytes);
    };
    const one = counter();
    void one.event(event(TYPE.tableMap, `010000000000 0000 016400 017400 ${columns} 080100`));
    expect(() =>
      one.event(event(TYPE.writeRows, `010000000000 0000 0200 ${columns.slice(0, 2)} ff ${row}`)),
    ).toThrow(corrupt);
  });
});
