import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import type { PlaceConfig } from "../support/tool-run.ts";

/* Names of any legal spelling, and the widest tables that there are, from the snapshot to `query`. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const test = mysqlTest.extend(
  "begin",
  ({ mysql }) =>
    async (sql: string, config: Partial<PlaceConfig> = {}) =>
      BadDay.begin({ server: mysql, oracle: await oracle, sql, config }),
);

const NAMES = [
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "prototype",
    "select",
    "日本",
    " lead",
    "1st",
  ],
  ...[
    "x'y",
    "`",
    '"',
    "\\",
    "id;drop",
    "a.b",
    "a,b:c",
    "$",
    "ß",
    "a\tb",
    "a\nb",
    "_hoodie_commit_time",
    "_TL_seq",
  ],
  ..."_x0041_ _X0041_x r q t n o c0 s p w é".split(" "),
  ...["n".repeat(64), "語".repeat(64)],
];
const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

test("B115 B116 B117: columns and tables of any name", async ({ begin, mysql }) => {
  const table = "we`ird \"t'able/ü";
  const columns = NAMES.map((name, i) => `${quoted(name)} ${i % 3 === 0 ? "INT" : "VARCHAR(20)"}`);
  const value = (of: number): string =>
    NAMES.map((_, i) => (i % 3 === 0 ? String(of + i) : `'v${of}.${i}'`)).join(", ");
  const key = quoted("a,b:c");
  const make = (name: string, keys: string): string =>
    `CREATE TABLE ${quoted(name)} (id INT, ${columns.join(", ")}, PRIMARY KEY (${keys}));
     INSERT INTO ${quoted(name)} VALUES (1, ${value(100)}), (2, ${value(200)})`;
  await using day = await begin(
    [make(table, `id, ${key}`), make("Case", quoted("x'y")), make("case", quoted("__proto__"))].join(";\n"),
  );
  const ids = [table, "Case", "case"];
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.different(...ids)).toEqual([]);
  await day.sql(
    ids
      .map(
        (id) => `UPDATE ${quoted(id)} SET ${quoted("__proto__")} = 7, ${quoted("日本")} = 8 WHERE id = 1;
      UPDATE ${quoted(id)} SET ${key} = 77, ${quoted("a.b")} = 'x,id:1', ${quoted("x'y")} = 9 WHERE id = 2; INSERT INTO ${quoted(id)} VALUES (3, ${value(300)})`,
      )
      .join(";\n"),
  );
  expect(await day.wrong(...ids)).toEqual([]);

  // The names of MySQL are what `query` shows, and what the lake's own schema says beside its names.
  const query = `SELECT * FROM "${day.database}"."${table.replaceAll('"', '""')}" WHERE id = 1`;
  const shown = await day.run(["query", "--format", "json", query]);
  expect([shown.exitCode, shown.log.filter(({ level }) => level === "error")]).toEqual([0, []]);
  for (const name of NAMES) expect(shown.out).toContain(`${JSON.stringify(name)}:`);
  const meta = await day.run(["query", "--format", "json", query.replace('" WHERE', '$meta" WHERE')]);
  expect([meta.exitCode, meta.log.filter(({ level }) => level === "error")]).toEqual([0, []]);
  expect(meta.out).toContain('"_x005F_hoodie_commit_time":');
  await using session = await mysql.connect(day.database);
  expect(await session.value(`SELECT COUNT(*) FROM ${quoted(table)}`)).toBe("3");
  const hoodie = join(day.place.lakeDir, day.database, "we%60ird%20%22t%27able%2F%C3%BC", ".hoodie");
  const properties = await readFile(join(hoodie, "hoodie.properties"), "utf8");
  expect(properties).toContain("\nhoodie.table.recordkey.fields=id,a_x002C_b_x003A_c\n");
  expect(properties).toContain("hoodie.table.name=we_x0060_ird_x0020__x0022_t_x0027_able_x002F__x00FC_\n");
  const commit = (await readdir(hoodie)).filter((name) => name.endsWith(".commit")).at(-1) ?? "";
  expect(await readFile(join(hoodie, commit), "utf8")).toContain('\\"name\\":\\"_x65E5__x672C_\\"');
});

test("B109 B110 B111 B112 B113: columns that a SELECT of all does not show, or that nobody gave a value", async ({
  begin,
}) => {
  await using day = await begin(`
    SET SESSION sql_generate_invisible_primary_key = ON; CREATE TABLE gipk (v VARCHAR(9)); SET SESSION sql_generate_invisible_primary_key = OFF;
    CREATE TABLE gen (id INT PRIMARY KEY, a INT, b INT AS (a * 2) VIRTUAL, c VARCHAR(20) AS (CONCAT('x', a)) STORED, d INT INVISIBLE, KEY (b));
    CREATE TABLE functional (id INT PRIMARY KEY, j JSON, v VARCHAR(20), KEY f ((LOWER(v))), UNIQUE KEY g ((id + 1)), KEY m ((CAST(j->'$.a' AS UNSIGNED ARRAY))));
    CREATE TABLE defaults (id INT AUTO_INCREMENT PRIMARY KEY, u CHAR(36) DEFAULT (UUID()), n INT DEFAULT (1 + 2), s VARCHAR(9) DEFAULT '', z VARCHAR(9),
      t TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6));
    INSERT INTO gipk (v) VALUES ('a'), (NULL), ('');
    INSERT INTO gen (id, a, d) VALUES (1, 1, 11), (2, NULL, NULL);
    INSERT INTO functional VALUES (1, '{"a": [1, 2]}', 'ABC'), (2, NULL, NULL);
    INSERT INTO defaults () VALUES (), ()`);
  const tables = ["defaults", "functional", "gen", "gipk"];
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.different(...tables)).toEqual([]);
  await day.sql(`
    UPDATE gipk SET v = '' WHERE v IS NULL; INSERT INTO gipk (v) VALUES (NULL); DELETE FROM gipk WHERE v = 'a';
    UPDATE gen SET a = 5; UPDATE gen SET d = NULL WHERE id = 1; INSERT INTO gen (id) VALUES (3);
    UPDATE functional SET v = '', j = '{"a": []}' WHERE id = 1; INSERT INTO functional (id) VALUES (3);
    UPDATE defaults SET z = '' WHERE id = 1; UPDATE defaults SET z = NULL, s = DEFAULT WHERE id = 2; INSERT INTO defaults (z) VALUES ('')`);
  expect(await day.wrong(...tables)).toEqual([]);
});

/** InnoDB's most. */
const COLUMNS_MAX = 1017;

test("B114: 1,017 columns, a row of 64 KiB, and updates that change nothing", async ({ begin }) => {
  const types = [
    "INT",
    "TINYINT UNSIGNED",
    "VARCHAR(4)",
    "DATE",
    "DECIMAL(5,2)",
    "BIT(3)",
    "ENUM('a','b')",
    "DOUBLE",
  ];
  const values = ["-7", "255", "'é'", "'2024-02-29'", "'-12.34'", "b'101'", "'b'", "1.5e10"];
  const others = Array.from({ length: COLUMNS_MAX - 1 }, (_, i) => `c${i} ${types[i % types.length] ?? ""}`);
  const row = others.map((_, i) => (i % 11 === 10 ? "NULL" : values[i % values.length])).join(", ");
  const long = Array.from({ length: 3 }, (_, i) => `l${i} VARCHAR(5400)`).join(", ");
  await using day = await begin(
    `
    CREATE TABLE wide (id INT PRIMARY KEY, ${others.join(", ")});
    CREATE TABLE heavy (id INT PRIMARY KEY, ${long}) CHARACTER SET utf8mb4;
    INSERT INTO wide VALUES (1, ${row}), (2, ${row}); INSERT INTO wide (id) VALUES (3);
    INSERT INTO heavy VALUES (1, REPEAT('🐬', 5400), REPEAT('🐬', 5400), REPEAT('🐬', 5400))`,
    { duckdb: "600MiB" },
  );
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.different("wide", "heavy")).toEqual([]);
  await day.sql(`
    UPDATE wide SET c0 = c0; UPDATE wide SET c1015 = 2.25 WHERE id = 2; UPDATE wide SET c8 = 8 WHERE id = 3;
    UPDATE wide SET id = 10 WHERE id = 1; INSERT INTO wide VALUES (4, ${row});
    UPDATE heavy SET l0 = l0; UPDATE heavy SET l1 = NULL; INSERT INTO heavy SELECT 2, l2, l2, l0 FROM heavy`);
  expect(await day.wrong("wide", "heavy")).toEqual([]);
  const { out } = await day.run([
    "query",
    "--format",
    "csv",
    `SELECT count(*) AS n, sum(c0) AS s FROM ${day.database}.wide`,
  ]);
  expect(out).toBe("n,s\r\n4,-21\r\n");
});

test("B114: an update of nothing is no event", async ({ begin }) => {
  await using day = await begin("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("UPDATE t SET v = v; UPDATE t SET v = 2 WHERE id = 9; INSERT IGNORE INTO t VALUES (1, 5)");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  const { out } = await day.run([
    "query",
    "--format",
    "csv",
    `SELECT v, _tl_op FROM ${day.database}."t$meta"`,
  ]);
  expect(out).toBe("v,_tl_op\r\n1,r\r\n");
});

test("B115 D135: columns of any name come, go, and change their names", async ({ begin }) => {
  await using day = await begin(
    "CREATE TABLE t (id INT PRIMARY KEY, `a b` INT, `c,d` INT, _tl_seq INT); INSERT INTO t VALUES (1, 1, 2, 3)",
  );
  expect(await day.outcome(INIT)).toEqual([0]);
  const running = day.start(["follow"]);
  for (const step of [
    "INSERT INTO t VALUES (2, 4, 5, 6)",
    "ALTER TABLE t RENAME COLUMN `a b` TO `c,d`, RENAME COLUMN `c,d` TO `a b`, ADD COLUMN `日` INT",
    "UPDATE t SET `日` = 7 WHERE id = 1; ALTER TABLE t DROP COLUMN _tl_seq, RENAME COLUMN `日` TO _hoodie_x; DELETE FROM t WHERE id = 2",
  ]) {
    await day.sql(step);
    await day.same("t");
  }
  expect(day.told(await running.stop())).toEqual([0]);
});
