import { BY_PRIMARY_KEY } from "../../../src/types/key-choice.ts";
import { expect } from "vitest";
import { discoverTables, readTables } from "../../../src/capture/schema-reader.ts";
import { tableSchema } from "../../../src/capture/table-facts.ts";
import { formatTableId, tableKey } from "../../../src/types/table-id.ts";
import { parseTablePattern } from "../../../src/types/table-pattern.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";

const patterns = (...texts: readonly string[]) => texts.map(parseTablePattern);

mysqlTest("patterns find tables, and only named views", async ({ mysql, database }) => {
  const d = database.name;
  await database.run(
    "CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE order_item LIKE orders; CREATE TABLE Orders_x LIKE orders; CREATE TABLE `odd.name` LIKE orders; CREATE VIEW orders_v AS SELECT * FROM orders",
  );
  await using session = await CaptureSession.open(mysql.url);
  const find = async (include: readonly string[], exclude: readonly string[] = []) => {
    const found = await discoverTables(session.connection, {
      include: patterns(...include),
      exclude: patterns(...exclude),
    });
    return {
      tables: found.tables.map((id) => id.table),
      views: found.views.map((id) => id.table),
      unmatched: found.unmatched.map((pattern) => pattern.text),
    };
  };
  const all = ["Orders_x", "odd.name", "order_item", "orders"];
  expect(await find([`${d}.*`])).toEqual({ tables: all, views: [], unmatched: [] });
  expect(await find([`${d}.order*`], [`${d}.order?item`])).toEqual({
    tables: ["orders"],
    views: [],
    unmatched: [],
  });
  expect(await find([`/${d}\\.o.*s/`])).toEqual({ tables: ["orders"], views: [], unmatched: [] });
  expect(await find([`${d}.odd.name`, `${d}.orders_v`, `${d}.absent`, "nowhere.*"])).toEqual({
    tables: ["odd.name"],
    views: ["orders_v"],
    unmatched: [`${d}.absent`, "nowhere.*"],
  });
  expect(await find(["mysql.*", "sys.*"])).toEqual({
    tables: [],
    views: [],
    unmatched: ["mysql.*", "sys.*"],
  });
  // Excluded is not the same as absent.
  expect(await find([`${d}.orders`], [`${d}.*`])).toEqual({ tables: [], views: [], unmatched: [] });
});

mysqlTest("patterns ignore case where the server does", async ({ startMysql }) => {
  await using server = await startMysql(["--lower-case-table-names=1"]);
  await using admin = await server.connect();
  await admin.run("CREATE DATABASE Shop; CREATE TABLE Shop.Orders (id INT PRIMARY KEY)");
  await using session = await CaptureSession.open(server.url);
  const found = await discoverTables(session.connection, { include: patterns("SHOP.Ord*"), exclude: [] });
  expect(found.tables).toEqual([{ database: "shop", table: "orders" }]);
  expect(found.unmatched).toEqual([]);
  expect((await readTables(session.connection, found.tables)).size).toBe(1);
});

mysqlTest("all columns are read, hidden parts of indexes are not", async ({ mysql, database }) => {
  await database.run(`CREATE TABLE t (
    b INT NOT NULL, a VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci NOT NULL, secret INT INVISIBLE,
    v INT AS (b + 1) VIRTUAL, s INT AS (b + 2) STORED, \`__proto__\` JSON, txt TEXT,
    PRIMARY KEY (a, b), UNIQUE u (v), KEY f ((b * 2)), KEY j ((CAST(\`__proto__\` AS UNSIGNED ARRAY))), KEY p (txt(5))
  )`);
  await using session = await CaptureSession.open(mysql.url);
  const facts = await session.facts({ database: database.name, table: "t" });
  expect(
    facts.columns.map(({ name, mysqlType, type, collation }) => [name, mysqlType, type?.kind, collation]),
  ).toEqual([
    ["b", "int", "int", null],
    ["a", "varchar(20)", "text", "latin1_german2_ci"],
    ["secret", "int", "int", null],
    ["v", "int", "int", null],
    ["s", "int", "int", null],
    ["__proto__", "json", "json", null],
    ["txt", "text", "text", "utf8mb4_0900_ai_ci"],
  ]);
  expect(facts.key).toEqual([
    { column: "a", prefix: null },
    { column: "b", prefix: null },
  ]);
  expect(tableSchema(facts, BY_PRIMARY_KEY)?.primaryKey).toEqual(["a", "b"]);
  // The catalogue and a SELECT of these columns agree.
  const names = facts.columns.map((column) => `\`${column.name}\``).join(", ");
  expect(await session.connection.query(`SELECT ${names} FROM ${database.name}.t`)).toEqual([]);
});

mysqlTest("what a plan and a preflight need of a table", async ({ mysql, database }) => {
  const d = database.name;
  await database.run(`
    CREATE TABLE parent (id INT PRIMARY KEY, other INT UNIQUE);
    CREATE TABLE child (id INT PRIMARY KEY, p INT, q INT, r INT,
      CONSTRAINT c1 FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL,
      CONSTRAINT c2 FOREIGN KEY (q) REFERENCES parent (id) ON DELETE RESTRICT,
      CONSTRAINT c3 FOREIGN KEY (r) REFERENCES parent (other) ON UPDATE CASCADE);
    CREATE TABLE prefixed (t TEXT, b BLOB, PRIMARY KEY (t(10), b(7)));
    CREATE TABLE keyless (id INT, UNIQUE (id));
    CREATE TABLE memory (id INT PRIMARY KEY) ENGINE = MEMORY;
    CREATE VIEW v AS SELECT * FROM parent;
    INSERT INTO parent VALUES (1, 1), (2, 2);
    ANALYZE TABLE parent`);
  await using session = await CaptureSession.open(mysql.url);
  const fact = (table: string) => session.facts({ database: d, table });
  const parent = await fact("parent");
  expect([parent.kind, parent.engine, parent.rowsEstimate, parent.dataBytes]).toEqual([
    "table",
    "InnoDB",
    2,
    16_384,
  ]);
  expect((await fact("child")).cascades).toEqual([
    {
      constraint: "c1",
      parent: { database: d, table: "parent" },
      actions: ["DELETE CASCADE", "UPDATE SET NULL"],
    },
    { constraint: "c3", parent: { database: d, table: "parent" }, actions: ["UPDATE CASCADE"] },
  ]);
  expect((await fact("prefixed")).key).toEqual([
    { column: "t", prefix: 10 },
    { column: "b", prefix: 7 },
  ]);
  expect((await fact("keyless")).key).toEqual([]);
  expect(tableSchema(await fact("keyless"), BY_PRIMARY_KEY)).toBeNull();
  expect((await fact("memory")).engine).toBe("MEMORY");
  expect([(await fact("v")).kind, (await fact("v")).engine]).toEqual(["view", null]);
});

mysqlTest(
  "many tables of several databases in one call; absent ones are missing",
  async ({ mysql, database }) => {
    await using other = await mysql.database();
    const names = Array.from({ length: 501 }, (_, i) => `t${i}`);
    await database.run(
      names.map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, c${name} INT)`).join(";"),
    );
    await other.run("CREATE TABLE t1 (x BIGINT PRIMARY KEY)");
    await using session = await CaptureSession.open(mysql.url);
    const ids = [
      ...names.map((table) => ({ database: database.name, table })),
      { database: other.name, table: "t1" },
      { database: other.name, table: "absent" },
    ];
    const facts = await readTables(session.connection, ids);
    const shown = ids.map(
      (id) =>
        facts
          .get(tableKey(id))
          ?.columns.map((c) => c.name)
          .join() ?? `no ${id.table}`,
    );
    expect(shown).toEqual([...names.map((name) => `id,c${name}`), "x", "no absent"]);
    expect([...facts.values()].map((table) => formatTableId(table.id))).toHaveLength(502);
  },
);
