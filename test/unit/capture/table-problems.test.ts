import { expect, test } from "vitest";
import type { BinlogStatus } from "../../../src/capture/binlog-status.ts";
import { tableSchema, type ColumnFacts, type TableFacts } from "../../../src/capture/table-facts.ts";
import { filterProblems, tableProblems } from "../../../src/capture/table-problems.ts";
import { BY_PRIMARY_KEY, type KeyChoice } from "../../../src/types/key-choice.ts";
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
  uniques: [],
  cascades: [],
  ...changes,
});

/** The server logs what it cascades. */
const LOGGED = new Map([["innodb_native_foreign_keys", "OFF"]]);

interface Given {
  readonly variables?: ReadonlyMap<string, string>;
  readonly decimalsAsText?: readonly string[];
  readonly choices?: Partial<KeyChoice>;
}

const problems = (
  changes: Partial<TableFacts>,
  { variables = LOGGED, decimalsAsText = [], choices = {} }: Given = {},
) => tableProblems(table(changes), variables, { decimalsAsText, ...BY_PRIMARY_KEY, ...choices });

const found = (changes: Partial<TableFacts>, given: Given = {}) =>
  problems(changes, given).map(({ code, message }) => `${code} ${message}`);

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
});

test("C118 C119 C120: a table without a primary key is refused, unless the config takes a unique index", () => {
  const unique = (index: string, columns: readonly string[], unusable: string | null = null) => ({
    index,
    parts: columns.map((name) => ({ column: name, prefix: null })),
    unusable,
  });
  const uniques = [
    unique("a", ["id"], "id may be NULL"),
    unique("b", ["id", "note"]),
    unique("d", ["note"]),
    unique("c", ["note"]),
  ];
  const keyless = { key: [], uniques };
  const asUnique = { withoutPrimaryKey: "unique" } as const;
  const hints = (changes: Partial<TableFacts>, choices: Partial<KeyChoice> = {}): readonly string[] =>
    problems(changes, { choices }).map(({ hint }) => hint);
  const none = "TABLE_NO_PRIMARY_KEY shop.orders has no primary key";
  const addKey =
    "ALTER TABLE `shop`.`orders` ADD COLUMN row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY;";
  expect(found(keyless)).toEqual([`${none}: its rows cannot be told apart`]);
  expect(hints(keyless)).toEqual([
    `to take its unique index c as the key: \`withoutPrimaryKey: unique\` in \`overrides\` for this table; or ${addKey}`,
  ]);
  expect(hints({ key: [] })).toEqual([addKey]);
  expect(found(keyless, { choices: asUnique })).toEqual([]);
  expect(tableSchema(table(keyless), { key: null, ...asUnique })).toMatchObject({
    primaryKey: ["note"],
    keyIndex: { name: "c", prefixes: [0] },
  });
  expect(found({ key: [], uniques: uniques.slice(0, 1) }, { choices: asUnique })).toEqual([
    `${none}, and no unique index that could stand in for it (a: id may be NULL)`,
  ]);
  expect(found(keyless, { choices: { key: ["NOTE", "id"] } })).toEqual([]);
  expect(tableSchema(table({ uniques }), { ...BY_PRIMARY_KEY, key: ["NOTE", "id"] })).toMatchObject({
    primaryKey: ["id", "note"],
    keyIndex: { name: "b", prefixes: [0, 0] },
  });
  expect(found(keyless, { choices: { key: ["id"] } })).toEqual([
    "TABLE_KEY_UNSUPPORTED shop.orders has no unique index that tells its rows apart by just (id), which the config names as its key (a: id may be NULL)",
  ]);
  expect(found({}, { choices: { key: ["note"] } })).toEqual([
    "TABLE_KEY_UNSUPPORTED shop.orders has no unique index that tells its rows apart by just (note), which the config names as its key",
  ]);
});

test("C131: the version of a schema has the key that it goes by", () => {
  const uniques = [{ index: "u", parts: [{ column: "note", prefix: null }], unusable: null }];
  const byNote = { ...BY_PRIMARY_KEY, key: ["note"] };
  const versions = [
    tableSchema(table(), BY_PRIMARY_KEY),
    tableSchema(table({ key: [{ column: "note", prefix: null }] }), BY_PRIMARY_KEY),
    tableSchema(table({ key: [{ column: "note", prefix: 3 }] }), BY_PRIMARY_KEY),
    tableSchema(table({ key: [{ column: "note", prefix: 4 }] }), BY_PRIMARY_KEY),
    tableSchema(table({ uniques }), byNote),
  ].map((schema) => schema?.version);
  expect(versions).not.toContain(undefined);
  expect(new Set(versions).size).toBe(versions.length);
});

test("a key is refused in which two values of MySQL would have one text", () => {
  const keyOf = (type: ColumnType, collation: string | null = null) =>
    found({ columns: [{ ...column("id", type), collation }, column("note")] });
  expect(keyOf({ kind: "text", form: "char", charset: "cp932" })).toEqual([
    "TABLE_KEY_UNSUPPORTED the key holds shop.orders.id, a text in cp932, where two codes stand for one character",
  ]);
  expect(keyOf({ kind: "enum", members: ["a", ""] }, "latin1_bin")).toEqual([
    "TABLE_KEY_UNSUPPORTED the key holds shop.orders.id, whose member '' reads like the empty value of an ENUM",
  ]);
  expect(keyOf({ kind: "set", members: [""] }, "latin1_bin")).toEqual([
    "TABLE_KEY_UNSUPPORTED the key holds shop.orders.id, whose member '' reads like the empty value of a SET",
  ]);
  expect(keyOf({ kind: "enum", members: ["a"] }, "cp932_bin")).toEqual([
    "TABLE_KEY_UNSUPPORTED the key holds shop.orders.id, a text in cp932, where two codes stand for one character",
  ]);
  for (const kind of ["float", "double"] as const) expect(keyOf({ kind })).toEqual([]);
  expect(found({ key: [{ column: "note", prefix: 10 }] })).toEqual([]);
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

test.each(["日本", " lead", "a-b", "1st", "x'y", "`", "_tl_seq", "_HOODIE_x", "__proto__", "constructor"])(
  "B115 B116 B117: the column name %s is fine",
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
