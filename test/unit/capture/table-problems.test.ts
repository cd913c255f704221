import { expect, test } from "vitest";
import type { BinlogStatus } from "../../../src/capture/binlog-status.ts";
import type { ColumnFacts, TableFacts } from "../../../src/capture/table-facts.ts";
import { filterProblems, tableProblems } from "../../../src/capture/table-problems.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";

const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };

const column = (name: string, type: ColumnType = INT): ColumnFacts => ({
  name,
  mysqlType: type.kind,
  type,
  refusal: null,
  collation: null,
});

const table = (changes: Partial<TableFacts> = {}): TableFacts => ({
  id: { database: "shop", table: "orders" },
  kind: "table",
  engine: "InnoDB",
  rowsEstimate: 0,
  dataBytes: 0,
  columns: [column("id"), column("note")],
  key: [{ column: "id", prefix: null }],
  cascades: [],
  ...changes,
});

/** The server logs what it cascades. */
const LOGGED = new Map([["innodb_native_foreign_keys", "OFF"]]);

const found = (
  changes: Partial<TableFacts>,
  {
    variables = LOGGED,
    decimalsAsText = [],
  }: { variables?: ReadonlyMap<string, string>; decimalsAsText?: readonly string[] } = {},
) =>
  tableProblems(table(changes), variables, { decimalsAsText }).map(
    ({ code, message }) => `${code} ${message}`,
  );

test("an ordinary table has no problems", () => {
  expect(found({})).toEqual([]);
});

test("views, engines and keys", () => {
  expect(found({ kind: "view", engine: null, key: [] })).toEqual([
    "TABLE_ABSENT shop.orders is a view: the binlog has no rows of it",
  ]);
  expect(found({ engine: "MyISAM" })).toEqual([
    "TABLE_ENGINE_UNSUPPORTED shop.orders is stored by MyISAM: its snapshot cannot be exact, because only InnoDB gives a read view",
  ]);
  expect(found({ key: [] })).toEqual([
    "TABLE_NO_PRIMARY_KEY shop.orders has no primary key: its rows cannot be told apart",
  ]);
  expect(found({ key: [{ column: "note", prefix: 10 }] })).toEqual([
    "TABLE_KEY_UNSUPPORTED the primary key holds only the first 10 characters of shop.orders.note",
  ]);
  for (const kind of ["float", "double"] as const) {
    expect(found({ columns: [column("id", { kind })] })).toEqual([
      `TABLE_KEY_UNSUPPORTED the primary key holds shop.orders.id, a ${kind}: such a key has no exact text`,
    ]);
  }
});

test("B73: a decimal of too many digits is refused, unless the config makes it text", () => {
  const columns = [
    column("id"),
    { ...column("a", { kind: "decimal", precision: 38, scale: 30 }), mysqlType: "decimal(38,30)" },
    { ...column("Total", { kind: "decimal", precision: 39, scale: 0 }), mysqlType: "decimal(39,0)" },
  ];
  const problem =
    "TABLE_TYPE_UNSUPPORTED shop.orders.Total is decimal(39,0), and the decimals of the lake have 38 digits";
  expect(found({ columns })).toEqual([problem]);
  expect(found({ columns }, { decimalsAsText: ["a", "id"] })).toEqual([problem]);
  expect(found({ columns }, { decimalsAsText: ["total"] })).toEqual([]);
});

test("refused columns keep their code and name", () => {
  const refused = (code: "TABLE_TYPE_UNSUPPORTED" | "TABLE_CHARSET_UNSUPPORTED", what: string) => ({
    ...column("x"),
    type: null,
    refusal: { code, what },
  });
  expect(
    found({
      columns: [
        column("id"),
        refused("TABLE_TYPE_UNSUPPORTED", "geometry"),
        refused("TABLE_CHARSET_UNSUPPORTED", "gbk"),
      ],
    }),
  ).toEqual([
    "TABLE_TYPE_UNSUPPORTED shop.orders.x is geometry, which is not supported",
    "TABLE_CHARSET_UNSUPPORTED shop.orders.x is in the character set gbk, which is not supported",
  ]);
});

test.each(["日本", " lead", "a-b", "1st", "x'y", "`", ""])("the column name %j is refused", (name) => {
  expect(found({ columns: [column("id"), column(name)] })).toEqual([
    `TABLE_COLUMN_NAME the column name ${JSON.stringify(name)} of shop.orders cannot stand in a Hudi schema, which takes letters, digits and _`,
  ]);
});

test.each(["_hoodie_record_key", "_HOODIE_x", "_tl_seq", "_TL_op"])(
  "the column name %s is reserved",
  (name) => {
    expect(found({ columns: [column("id"), column(name)] })).toEqual([
      `TABLE_COLUMN_NAME the column name ${name} of shop.orders is reserved for columns that the lake adds`,
    ]);
  },
);

test.each(["__proto__", "constructor", "toString", "select", "_x", "hoodie"])(
  "the column name %s is fine",
  (name) => {
    expect(found({ columns: [column("id"), column(name)] })).toEqual([]);
  },
);

test("cascades are a problem where the binlog does not show them", () => {
  const cascades = [
    {
      constraint: "fk_1",
      parent: { database: "shop", table: "customer" },
      actions: ["DELETE CASCADE", "UPDATE SET NULL"],
    },
  ];
  const problem =
    "TABLE_FOREIGN_KEY_CASCADE changes of shop.customer change rows of shop.orders by the foreign key fk_1 (DELETE CASCADE, UPDATE SET NULL), and the binlog does not show them";
  expect(found({ cascades })).toEqual([]);
  expect(found({ cascades }, { variables: new Map([["innodb_native_foreign_keys", "ON"]]) })).toEqual([
    problem,
  ]);
  expect(found({ cascades }, { variables: new Map() })).toEqual([problem]);
});

test("filters of the binlog hide the tables of a database", () => {
  const status = (changes: Partial<BinlogStatus>): BinlogStatus => ({
    end: { file: "binlog.000001", offset: 4 },
    doDatabases: [],
    ignoreDatabases: [],
    ...changes,
  });
  const ids = ["shop", "crm"].map((database) => ({ database, table: "t" }));
  const messages = (changes: Partial<BinlogStatus>) =>
    filterProblems(ids, status(changes)).map((problem) => problem.message);
  expect(messages({})).toEqual([]);
  expect(messages({ ignoreDatabases: ["crm", "x"] })).toEqual([
    "binlog-ignore-db keeps the database crm out of the binlog",
  ]);
  expect(messages({ doDatabases: ["crm"] })).toEqual([
    "binlog-do-db keeps the database shop out of the binlog",
  ]);
});
