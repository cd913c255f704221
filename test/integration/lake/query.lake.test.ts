import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StopError } from "../../../src/util/abort.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, latestFiles, testLake, type TestLake } from "../../support/lake.ts";
import { askCells, askFailure, withQuery } from "../../support/lake-query.ts";
import { DATETIME, INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

const ORDERS = lakeSchema(
  [
    ["id", INT],
    ["note", VARCHAR],
    ["made", DATETIME],
    ["seen", { kind: "timestamp", fsp: 6 }],
    ["__proto__", INT],
  ],
  ["id"],
  "orders",
);
const ITEMS = lakeSchema([["id", INT]], ["id"], "items");
const OTHER = { ...ITEMS, id: { database: "crm", table: "orders" } };
const LONG_AGO = '"1000-01-01 00:00:00.000001"';

let lake: TestLake;

beforeAll(async () => {
  lake = await testLake();
  const rows = [
    ["1", '"first"', '"2026-02-03 04:05:06.700000"', '"2026-02-03 04:05:06.700000"', "7"],
    ["2", "null", LONG_AGO, "null", "null"],
    ["3", '""', "null", '"2038-01-19 03:14:07"', "-1"],
  ];
  for (const [schema, chunk] of [
    [ORDERS, rows],
    [OTHER, [["1"]]],
    [ITEMS, []],
  ] as const) {
    const table = await lake.open(schema);
    const staged = await lake.stage(table, schema, { index: 0, rows: chunk });
    await table.load(schema, [staged], commitInfo(new ChangeWriter(schema)));
    await table.close();
  }
});

afterAll(() => lake[Symbol.asyncDispose]());

describe("a table's view", () => {
  test("has the columns of the source, DATETIME without a zone and TIMESTAMP in UTC", async () => {
    const types = await askCells(lake, "SELECT column_name, column_type FROM (DESCRIBE shop.orders)");
    expect(types).toEqual([
      ["id", "INTEGER"],
      ["note", "VARCHAR"],
      ["made", "TIMESTAMP"],
      ["seen", "TIMESTAMP WITH TIME ZONE"],
      ["__proto__", "INTEGER"],
    ]);
    expect(await askCells(lake, "FROM shop.orders ORDER BY id")).toEqual([
      ["1", "first", "2026-02-03 04:05:06.7", "2026-02-03 04:05:06.7+00", "7"],
      ["2", null, "1000-01-01 00:00:00.000001", null, null],
      ["3", "", null, "2038-01-19 03:14:07+00", "-1"],
    ]);
  });

  test("shows what the lake adds under a name of its own", async () => {
    const names = await askCells(lake, "SELECT column_name FROM (DESCRIBE shop.orders$meta)");
    expect(names.flat()).toEqual([
      ...["id", "note", "made", "seen", "__proto__"],
      ...["_tl_seq", "_tl_ts_ms", "_tl_txn", "_tl_n", "_tl_op"],
      ...["_hoodie_commit_time", "_hoodie_commit_seqno", "_hoodie_record_key"],
      ...["_hoodie_partition_path", "_hoodie_file_name"],
    ]);
    expect(
      await askCells(lake, "SELECT id, _tl_op, _hoodie_record_key FROM shop.orders$meta WHERE id = 2"),
    ).toEqual([["2", "r", "2"]]);
  });

  test("is there for a table without rows", async () => {
    expect(await askCells(lake, "FROM shop.items")).toEqual([]);
    expect(await askCells(lake, "SELECT count(*) FROM items$meta")).toEqual([["0"]]);
  });

  test("can be called by the table's name alone where no other table has it", async () => {
    expect(await askCells(lake, "SELECT count(*) FROM items")).toEqual([["0"]]);
    expect(await askFailure(lake, "SELECT count(*) FROM orders")).toEqual([
      "QUERY_FAILED",
      "orders may be crm.orders or shop.orders",
      "write the database in front of the table",
    ]);
    const both = "SELECT count(*) FROM shop.orders, crm.orders, items";
    expect(await askCells(lake, both)).toEqual([["0"]]);
  });

  test("all of them are shown to who asks for them", async () => {
    expect(await askCells(lake, "SELECT schema, name FROM (SHOW ALL TABLES) ORDER BY ALL")).toEqual([
      ["crm", "orders"],
      ["crm", "orders$meta"],
      ["shop", "items"],
      ["shop", "items$meta"],
      ["shop", "orders"],
      ["shop", "orders$meta"],
    ]);
    expect(await askCells(lake, "SELECT count(*) FROM query_table('crm.orders')")).toEqual([["1"]]);
    expect(await askCells(lake, "WITH orders AS (SELECT 5 AS five) FROM orders")).toEqual([["5"]]);
  });
});

describe("texts", () => {
  const SQL = `SELECT * FROM (VALUES
      (1, 9223372036854775807, 170141183460469231731687303715884105727::HUGEINT, 0.10::DECIMAL(38,2), 'a,"b"' || chr(10)),
      (2, NULL, NULL, -12345678901234567890123456789012345.678::DECIMAL(38,3)::DECIMAL(38,2), ''),
      (3, 0, 0, 0, NULL)) t(id, big, huge, "dec", text) ORDER BY id DESC;`;
  const csv = (sql: string): Promise<string> =>
    withQuery(lake, sql, async (query) => (await Array.fromAsync(query.csv())).join(""));
  const json = (sql: string): Promise<string> =>
    withQuery(lake, sql, async (query) => (await Array.fromAsync(query.json())).join(""));

  test("CSV as RFC 4180 has it: NULL is nothing, the empty text is quoted", async () => {
    expect(await csv(SQL)).toBe(
      "id,big,huge,dec,text\r\n" +
        "3,0,0,0.00,\r\n" +
        '2,,,-12345678901234567890123456789012345.68,""\r\n' +
        '1,9223372036854775807,170141183460469231731687303715884105727,0.10,"a,""b""\n"\r\n',
    );
    expect(await csv("SELECT 1 AS \"a,b\", 'x\ry' AS c, [1, NULL]::INT[] AS l, '' || 'plain' AS d")).toBe(
      '"a,b",c,l,d\r\n1,"x\ry","[1, NULL]",plain\r\n',
    );
  });

  test("JSON, one object a line, with every digit", async () => {
    expect(await json(SQL)).toBe(
      '{"id":3,"big":0,"huge":0,"dec":0.00,"text":null}\n' +
        '{"id":2,"big":null,"huge":null,"dec":-12345678901234567890123456789012345.68,"text":""}\n' +
        '{"id":1,"big":9223372036854775807,"huge":170141183460469231731687303715884105727,"dec":0.10,"text":"a,\\"b\\"\\n"}\n',
    );
  });

  test("JSON keeps odd names, and values that have no word in it come as text", async () => {
    expect(await json('SELECT 1 AS id, 2 AS id, 3 AS "__proto__", 4 AS \'say "x"\'')).toBe(
      '{"id":1,"id_1":2,"__proto__":3,"say \\"x\\"":4}\n',
    );
    expect(
      await json(
        "SELECT 'inf'::DOUBLE a, 'nan'::FLOAT b, 0.1::FLOAT c, -0.0::DOUBLE d, 1e300 e, true f, DATE '2026-01-02' g, " +
          "'\\x00\\xFF'::BLOB h, {'x': 1.50::DECIMAL(5,2), 'y': [NULL]} i, '{ \"j\" : [1,\n2] }'::JSON j, " +
          "UUID '00000000-0000-0000-0000-000000000001' k, INTERVAL 1 DAY l, NULL m",
      ),
    ).toBe(
      '{"a":"inf","b":"nan","c":0.1,"d":-0.0,"e":1e+300,"f":true,"g":"2026-01-02",' +
        '"h":"\\\\x00\\\\xFF","i":{"x":1.5,"y":[null]},"j":{"j":[1,2]},' +
        '"k":"00000000-0000-0000-0000-000000000001","l":"1 day","m":null}\n',
    );
  });

  test("come in the order of the query, however many there are", async () => {
    const lines = (await csv("SELECT i FROM range(300000) t(i) ORDER BY i DESC -- to the end")).split("\r\n");
    expect(lines.slice(1, -1)).toEqual(Array.from({ length: 300_000 }, (_, i) => String(299_999 - i)));
  });
});

describe("a statement", () => {
  const HINT = "write one SELECT, FROM, VALUES, SHOW, DESCRIBE or SUMMARIZE; a PIVOT needs its values by IN";

  test("may end as statements do", async () => {
    for (const end of [";", " ; ;", "; -- done", " -- ;", " /* ; */ ;\n"])
      expect(await askCells(lake, `SELECT ';' AS x${end}`)).toEqual([[";"]]);
    expect(await askCells(lake, "PIVOT (SELECT 1 a, 2 b) ON a IN (1) USING sum(b)")).toEqual([["2"]]);
  });

  test.each([
    ["", "it is empty"],
    ["-- nothing\n;", "it is empty"],
    ["SELECT 1; SELECT 2", "it is 2 statements"],
    ["CREATE TABLE t (i INT)", "it is another kind of statement"],
    ["SET threads = 1", "it is another kind of statement"],
    ["PRAGMA enable_profiling", "it is another kind of statement"],
    ["EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'", "it is another kind of statement"],
    ["INSTALL httpfs", "it is another kind of statement"],
    ["ATTACH 'x.db'", "it is another kind of statement"],
    ["PIVOT shop.orders ON note USING count(*)", "it is another kind of statement"],
  ])("is refused: %s", async (sql, why) => {
    expect(await askFailure(lake, sql)).toEqual(["QUERY_FAILED", `a query is one SELECT; ${why}`, HINT]);
  });

  test.each([
    [
      "SELECT\n  nope FROM items",
      'Referenced column "nope" not found in FROM clause! (line 2, column 3)',
      'Candidate bindings: "id"',
    ],
    ["SELECT 1 +", "syntax error at end of input (line 1, column 11)", null],
    ["FROM shop.item", "Table with name item does not exist! (line 1, column 6)", 'Did you mean "items"?'],
    [
      "SELECT 1, CAST('x' || i AS INT) FROM range(3) t(i)",
      "Could not convert string 'x0' to INT32 (line 1, column 11)",
      null,
    ],
  ])("has a mistake: %j", async (sql, message, hint) => {
    const found = await askFailure(lake, sql);
    expect(found?.slice(0, 2)).toEqual(["QUERY_FAILED", message]);
    expect(found?.[2]).toBe(
      hint ??
        '`tallylake query "SHOW ALL TABLES"` lists the tables, and `"DESCRIBE <table>"` the columns of one',
    );
  });

  test("sees the files of the tables that it names, and nothing else", async () => {
    const [file = ""] = await latestFiles(lake.tableDir(ORDERS));
    const before = await readFile(file);
    const others = [
      "read_text('/etc/hostname')",
      "glob('/*')",
      `read_parquet('${file}')`,
      "read_csv('/etc/passwd')",
    ];
    for (const source of others) {
      const [code, message] = (await askFailure(lake, `SELECT * FROM ${source}, items`)) ?? [];
      expect([code, /file system operations are disabled/.test(message ?? "")]).toEqual([
        "QUERY_FAILED",
        true,
      ]);
    }
    // Of a table that it names, the file can be read; that is no more than the view shows.
    expect(await askCells(lake, `SELECT count(*) > 0 FROM read_parquet('${file}'), shop.orders`)).toEqual([
      ["true"],
    ]);
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await readdir(join(lake.dir, "query-temp"))).toEqual([]);
  });

  test("is interrupted", async () => {
    const abort = new AbortController();
    const sql = "SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE hash(i, j) = 7";
    const running = withQuery(
      lake,
      sql,
      (query) => {
        setTimeout(() => abort.abort("SIGINT"), 50);
        return Array.fromAsync(query.cells());
      },
      { signal: abort.signal },
    );
    await expect(running).rejects.toThrow(StopError);
  });
});

test("a table whose files are not all there is not shown in part", async () => {
  await using own = await testLake();
  const table = await own.open(ORDERS);
  const rows = Array.from({ length: 40 }, (_, i) => [String(i), "null", "null", "null", "null"]);
  await table.load(
    ORDERS,
    [await own.stage(table, ORDERS, { index: 0, rows })],
    commitInfo(new ChangeWriter(ORDERS)),
  );
  await table.close();
  expect(await askCells(own, "SELECT count(*) FROM orders")).toEqual([["40"]]);
  const [file = ""] = await latestFiles(own.tableDir(ORDERS));
  await rm(file);
  expect(await askFailure(own, "SELECT count(*) FROM orders")).toEqual([
    "LAKE_TABLE_MISSING",
    "the newest state of shop.orders is not in the lake as a whole",
    "run `tallylake init`, or look at what was removed from the table's folder",
  ]);
});
