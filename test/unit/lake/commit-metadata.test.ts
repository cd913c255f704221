import { describe, expect, test } from "vitest";
import { avroSchema } from "../../../src/lake/avro-schema.ts";
import { decodeCommit, encodeCommit, type CommitMetadata } from "../../../src/lake/commit-metadata.ts";
import { lakeColumns } from "../../../src/lake/lake-column.ts";
import { decodeTableSchema, encodeTableSchema } from "../../../src/lake/table-schema-json.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { SIMPLE_SCHEMA } from "../../support/batch.ts";
import { ALL_TYPES, lakeSchema } from "../../support/lake-schemas.ts";

const COMMIT: CommitMetadata = {
  snapshotFrom: null,
  operation: "UPSERT",
  stats: [
    {
      fileId: "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0",
      path: "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-0_20260102031500000.parquet",
      previous: "20260102030405000",
      rows: 1200,
      inserted: 10,
      updated: 40,
      deleted: 3,
      bytes: 81234,
    },
  ],
  avro: avroSchema("t", lakeColumns(SIMPLE_SCHEMA, "null"), "without"),
  checkpoint: {
    source: "shop",
    epoch: 1,
    serverUuid: "0c6af1f1-e54f-11f1-9974-02fc00000001",
    position: {
      gtids: GtidSet.parse("0c6af1f1-e54f-11f1-9974-02fc00000001:1-7"),
      file: "binlog.000042",
      offset: 1234,
      seq: 77,
      last: null,
    },
  },
  schema: SIMPLE_SCHEMA,
  counts: [
    {
      hop: "commit",
      class: "rows_after",
      minute: 0,
      rows: 1200,
      ids: { sum: 2n ** 64n - 1n, xor: 5n },
      content: null,
    },
  ],
  fence: 4,
  buckets: 16,
  zeroDates: "null",
  zeroDateNulls: 2,
  slices: "0123456789abcdef",
  rowsAfter: 1200,
};

describe("a completed commit", () => {
  test("is the JSON that Hudi writes", () => {
    expect(JSON.parse(encodeCommit(COMMIT))).toEqual({
      partitionToWriteStats: {
        "": [
          {
            fileId: "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0",
            path: "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-0_20260102031500000.parquet",
            cdcStats: null,
            prevCommit: "20260102030405000",
            numWrites: 1200,
            numDeletes: 3,
            numUpdateWrites: 40,
            numInserts: 10,
            totalWriteBytes: 81234,
            totalWriteErrors: 0,
            tempPath: null,
            partitionPath: "",
            totalLogRecords: 0,
            totalLogFilesCompacted: 0,
            totalLogSizeCompacted: 0,
            totalUpdatedRecordsCompacted: 0,
            totalLogBlocks: 0,
            totalCorruptLogBlock: 0,
            totalRollbackBlocks: 0,
            fileSizeInBytes: 81234,
            minEventTime: null,
            maxEventTime: null,
            runtimeStats: { totalScanTime: 0, totalUpsertTime: 0, totalCreateTime: 0 },
          },
        ],
      },
      compacted: false,
      extraMetadata: {
        schema:
          '{"type":"record","name":"t_record","namespace":"hoodie.t","fields":[' +
          '{"name":"id","type":["null","int"],"default":null},' +
          '{"name":"v","type":["null","string"],"default":null},' +
          '{"name":"_tl_seq","type":["null","long"],"default":null},' +
          '{"name":"_tl_ts_ms","type":["null","long"],"default":null},' +
          '{"name":"_tl_txn","type":["null","string"],"default":null},' +
          '{"name":"_tl_n","type":["null","long"],"default":null},' +
          '{"name":"_tl_op","type":["null","string"],"default":null}]}',
        "tallylake.version": "1",
        "tallylake.checkpoint":
          '{"version":1,"source":"shop","epoch":1,"serverUuid":"0c6af1f1-e54f-11f1-9974-02fc00000001",' +
          '"position":{"gtids":"0c6af1f1-e54f-11f1-9974-02fc00000001:1-7","file":"binlog.000042","offset":1234,"seq":77,"last":null}}',
        "tallylake.schema": JSON.stringify(SIMPLE_SCHEMA),
        "tallylake.counts": '[["commit","rows_after",0,1200,["ffffffffffffffff","5"],null]]',
        "tallylake.fence": "4",
        "tallylake.buckets": "16",
        "tallylake.zeroDates": "null",
        "tallylake.zeroDateNulls": "2",
        "tallylake.slices": "0123456789abcdef",
        "tallylake.rows": "1200",
      },
      operationType: "UPSERT",
    });
  });

  test("comes back as it was", () => {
    expect(decodeCommit(encodeCommit(COMMIT))).toEqual({ kind: "ours", commit: COMMIT });
    const first: CommitMetadata = {
      ...COMMIT,
      operation: "BULK_INSERT",
      stats: COMMIT.stats.map((stat) => ({ ...stat, previous: null })),
    };
    expect(decodeCommit(encodeCommit(first))).toEqual({ kind: "ours", commit: first });
  });

  test("of another writer is told from ours", () => {
    expect(decodeCommit('{"partitionToWriteStats":{},"extraMetadata":{"schema":"{}"}}').kind).toBe("foreign");
    expect(decodeCommit('{"partitionToWriteStats":{},"extraMetadata":null}').kind).toBe("foreign");
  });

  test.each([
    ["", "nothing"],
    ["{", "half of it"],
    ["[]", "a list"],
    [encodeCommit(COMMIT).replace('"tallylake.version": "1"', '"tallylake.version": "2"'), "another version"],
    [
      encodeCommit(COMMIT).replace('"tallylake.fence": "4"', '"tallylake.fence": "x"'),
      "a fence that is no number",
    ],
    [encodeCommit(COMMIT).replace("tallylake.checkpoint", "tallylake.checkpaint"), "no checkpoint"],
    [encodeCommit(COMMIT).replace('\\"seq\\":77', '\\"seq\\":-1'), "a checkpoint that is none"],
  ])("with the text %# (%s) is corrupt", (text) => {
    expect(decodeCommit(text).kind).toBe("corrupt");
  });
});

test("a table's schema comes back, with every type", () => {
  const schema = lakeSchema([["id", { kind: "year" }], ...ALL_TYPES], ["id"]);
  expect(decodeTableSchema(encodeTableSchema(schema))).toEqual(schema);
  expect(() => decodeTableSchema('{"id":{}}')).toThrow(RangeError);
});

test("the Avro schema spells a decimal's fixed in full, and begins with Hudi's columns in a base file", () => {
  const schema = lakeSchema(
    [
      ["id", { kind: "int", bytes: 8, unsigned: true }],
      ["price", { kind: "decimal", precision: 10, scale: 2 }],
      ["day", { kind: "date" }],
      ["at", { kind: "datetime", fsp: 3 }],
      ["raw", { kind: "bytes", form: "blob", length: null }],
      ["f", { kind: "float" }],
      ["d", { kind: "double" }],
    ],
    ["id"],
  );
  const parsed = JSON.parse(avroSchema("orders", lakeColumns(schema, "null"), "with")) as {
    fields: { name: string; type: unknown; default: unknown; doc?: string }[];
  };
  const fixed = (column: string, scale: number): object => ({
    type: "fixed",
    name: "fixed",
    namespace: `hoodie.orders.orders_record.${column}`,
    size: 16,
    logicalType: "decimal",
    precision: 38,
    scale,
  });
  expect(parsed.fields.slice(0, 12).map(({ name, type }) => [name, type])).toEqual([
    ["_hoodie_commit_time", ["null", "string"]],
    ["_hoodie_commit_seqno", ["null", "string"]],
    ["_hoodie_record_key", ["null", "string"]],
    ["_hoodie_partition_path", ["null", "string"]],
    ["_hoodie_file_name", ["null", "string"]],
    ["id", ["null", fixed("id", 0)]],
    ["price", ["null", fixed("price", 2)]],
    ["day", ["null", { type: "int", logicalType: "date" }]],
    ["at", ["null", { type: "long", logicalType: "timestamp-micros" }]],
    ["raw", ["null", "bytes"]],
    ["f", ["null", "float"]],
    ["d", ["null", "double"]],
  ]);
  expect(parsed.fields.every((field) => field.default === null)).toBe(true);
});

test("B115: a column of another name in MySQL has that in its doc", () => {
  const schema = lakeSchema(
    [
      ["id", { kind: "year" }],
      ["x y", { kind: "year" }],
      ["_tl_op", { kind: "year" }],
    ],
    ["id"],
  );
  const { fields } = JSON.parse(avroSchema("t", lakeColumns(schema, "null"), "without")) as {
    readonly fields: readonly { readonly name: string; readonly doc?: string }[];
  };
  expect(fields.slice(0, 3).map(({ name, doc }) => [name, doc])).toEqual([
    ["id", undefined],
    ["x_x0020_y", "x y"],
    ["_x005F_tl_op", "_tl_op"],
  ]);
});
