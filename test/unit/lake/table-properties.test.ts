import { describe, expect, test } from "vitest";
import {
  formatTableProperties,
  parseProperties,
  propertiesProblem,
  tableChecksum,
} from "../../../src/lake/table-properties.ts";

const ORDERS = {
  databaseName: "default",
  tableName: "orders",
  recordKeys: ["id"],
  orderingColumn: "_tl_seq",
  createSchema: '{"type":"record","name":"orders_record"}',
};

const TEXT = `#Written by tallylake
hoodie.table.name=orders
hoodie.database.name=default
hoodie.table.recordkey.fields=id
hoodie.table.precombine.field=_tl_seq
hoodie.table.type=COPY_ON_WRITE
hoodie.table.version=6
hoodie.timeline.layout.version=1
hoodie.table.keygenerator.class=org.apache.hudi.keygen.NonpartitionedKeyGenerator
hoodie.table.base.file.format=PARQUET
hoodie.archivelog.folder=archived
hoodie.populate.meta.fields=true
hoodie.compaction.payload.class=org.apache.hudi.common.model.DefaultHoodieRecordPayload
hoodie.compaction.record.merger.strategy=eeb8d96f-b1e4-49fd-bbf8-28ac514178e5
hoodie.datasource.write.hive_style_partitioning=false
hoodie.datasource.write.partitionpath.urlencode=false
hoodie.datasource.write.drop.partition.columns=false
hoodie.partition.metafile.use.base.format=false
hoodie.table.timeline.timezone=UTC
hoodie.table.cdc.enabled=false
hoodie.table.create.schema={"type":"record","name":"orders_record"}
hoodie.table.checksum=${tableChecksum("default", "orders")}
`;

describe("a table's properties", () => {
  test("are written as every reader takes them", () => {
    expect(formatTableProperties(ORDERS)).toBe(TEXT);
  });

  test("have the checksum that Hudi computes", () => {
    expect(tableChecksum("default", "v6_simplekeygen_nonhivestyle_overwritetable")).toBe("3443920226");
  });

  test("are accepted as we write them", () => {
    expect(propertiesProblem(parseProperties(TEXT), ["id"])).toBeNull();
  });

  test.each([
    [
      "hoodie.table.version=6",
      "hoodie.table.version=9",
      "it has table version 9, and tallylake writes version 6",
    ],
    ["hoodie.table.version=6\n", "", "it has table version unknown, and tallylake writes version 6"],
    ["COPY_ON_WRITE", "MERGE_ON_READ", "hoodie.table.type is MERGE_ON_READ and not COPY_ON_WRITE"],
    ["timezone=UTC", "timezone=LOCAL", "hoodie.table.timeline.timezone is LOCAL and not UTC"],
    [
      "recordkey.fields=id",
      "recordkey.fields=id,line",
      "its record key is id,line, and the primary key of the source table id",
    ],
    [
      "#Written by tallylake\n",
      "hoodie.table.metadata.partitions=files\n",
      "it has a metadata table (files), which our commits would not keep up to date",
    ],
    ["#Written by tallylake\n", "hoodie.table.partition.fields=day\n", "it is partitioned by day"],
    [
      "hoodie.table.name=orders",
      "hoodie.table.name=other",
      "hoodie.table.checksum does not fit the table's name default.other",
    ],
  ])("with %j turned into %j are refused", (from, to, problem) => {
    expect(propertiesProblem(parseProperties(TEXT.replace(from, to)), ["id"])).toBe(problem);
  });
});

describe("Java's properties text", () => {
  test("is read with its escapes, separators, comments and long lines", () => {
    const text = [
      "# a comment",
      "! another",
      "",
      "plain=value",
      "  indented = value with = and : ",
      "colon:value",
      "blank value",
      "escaped\\=key=a\\:b\\=c\\\\d\\u0041\\n",
      "long=one \\",
      "   two",
      "empty=",
      "twice=1",
      "twice=2",
    ].join("\r\n");
    expect([...parseProperties(text)]).toEqual([
      ["plain", "value"],
      ["indented", "value with = and : "],
      ["colon", "value"],
      ["blank", "value"],
      ["escaped=key", "a:b=c\\dA\n"],
      ["long", "one two"],
      ["empty", ""],
      ["twice", "2"],
    ]);
  });
});
