import { afterAll, expect } from "vitest";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* Keys of all kinds: snapshot, binlog and lake, every cell against MySQL, and the report with its two own arms. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

interface Proof {
  readonly sql: string;
  /** Statements, each with a commit of the lake behind it. */
  readonly steps: readonly string[];
  /** Rules of the config by table. */
  readonly overrides?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const test = mysqlTest.extend(
  "prove",
  ({ mysql }) =>
    async ({ sql, steps, overrides = {} }: Proof): Promise<readonly unknown[]> => {
      await using day = await BadDay.begin({ server: mysql, oracle: await oracle, sql });
      const rules = Object.entries(overrides).map(([table, rule]) => ({
        tables: [`${day.database}.${table}`],
        ...rule,
      }));
      await day.configure({ more: `overrides: ${JSON.stringify(rules)}\n` });
      await using session = await mysql.connect(day.database);
      const found = await session.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY 1",
        [day.database],
      );
      const tables = found.map(([table]) => ({ database: day.database, table: String(table) }));
      const [exitCode, ...errors] = await day.outcome(INIT);
      if (exitCode !== 0) return [exitCode, ...errors];
      for (const step of steps) {
        await day.sql(step);
        const [followed, ...problems] = await day.outcome(CATCH_UP);
        if (followed !== 0) return [step, followed, ...problems];
        const wrong = await day.different(...tables.map(({ table }) => table));
        if (wrong.length > 0) return [step, ...wrong];
      }
      return [];
    },
);

test("C119 C120: a unique index stands in for a primary key, by rule or by name", async ({ prove }) => {
  const rows = "VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', NULL)";
  const change = (table: string): string => `
    INSERT INTO ${table} VALUES (4, 'd', 'z'); UPDATE ${table} SET v = 'n' WHERE n = 1;
    UPDATE ${table} SET n = 30, v = 'moved' WHERE n = 3; DELETE FROM ${table} WHERE n = 2;
    INSERT INTO ${table} VALUES (2, 'b', 'again')`;
  const columns = "n INT NOT NULL, k VARCHAR(9) NOT NULL, v VARCHAR(9)";
  const wrong = await prove({
    sql: `
      CREATE TABLE one (${columns}, UNIQUE KEY \`odd \`\`index\` (n), UNIQUE KEY u2 (v));
      CREATE TABLE two (${columns}, UNIQUE KEY u (k, n));
      CREATE TABLE named (${columns}, PRIMARY KEY (n), UNIQUE KEY u (k));
      INSERT INTO one ${rows}; INSERT INTO two ${rows}; INSERT INTO named ${rows}`,
    steps: [
      ["one", "two", "named"].map(change).join(";\n"),
      "UPDATE named SET k = 'q' WHERE n = 1; DELETE FROM two",
    ],
    overrides: {
      one: { withoutPrimaryKey: "unique" },
      two: { key: ["N", "k"] },
      named: { key: ["k"] },
    },
  });
  expect(wrong).toEqual([]);
});

test("C121: composite keys in the order of the index, with texts that read like each other", async ({
  prove,
}) => {
  const pairs = [
    "('a_b', 'c')",
    "('a', 'b_c')",
    "('a_', 'b_c')",
    "('', 'a,b')",
    "('a,b', '')",
    "('a:b', 'c,d:e')",
  ];
  const wrong = await prove({
    sql: `CREATE TABLE t (v INT, b VARCHAR(9) NOT NULL, a VARCHAR(9) NOT NULL, PRIMARY KEY (a, b));
      INSERT INTO t (a, b) VALUES ${pairs.join(", ")}`,
    steps: [
      "UPDATE t SET v = 1 WHERE a = 'a' AND b = 'b_c'; DELETE FROM t WHERE a = '' AND b = 'a,b'",
      "UPDATE t SET a = b, b = a WHERE a = 'a:b'; INSERT INTO t VALUES (7, 'c', 'ab'), (8, '', '')",
    ],
  });
  expect(wrong).toEqual([]);
});

test("C122 C123 C130: keys that move, change places in a transaction, and are used again", async ({
  prove,
}) => {
  const wrong = await prove({
    sql: `CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(9));
      INSERT INTO t (v) VALUES ('a'), ('b'), ('c'), ('d')`,
    steps: [
      "UPDATE t SET id = id + 1000",
      "BEGIN; UPDATE t SET id = 1 WHERE id = 1001; UPDATE t SET id = 1001 WHERE id = 1002; UPDATE t SET id = 1002 WHERE id = 1; COMMIT",
      "DELETE FROM t WHERE id > 1002; INSERT INTO t VALUES (1003, 'new'), (1004, 'again')",
      "UPDATE t SET id = id + 1 ORDER BY id DESC; REPLACE INTO t VALUES (1004, 'r')",
    ],
  });
  expect(wrong).toEqual([]);
});

const COLLATIONS = [
  ["utf8mb4_0900_ai_ci", "ÄBC", "Straße", "STRASSE"],
  ["utf8mb4_general_ci", "äbc", "strase", "STRAßE"],
  ["utf8mb4_bin", "ABC", "x", "X"],
  ["utf8mb4_0900_bin", "ABC", "x", "x "],
  ["utf8mb4_tr_0900_ai_ci", "ABC", "ıx", "IX"],
  ["utf8mb3_general_ci", "ABC", "é", "E"],
  ["latin1_swedish_ci", "ABC", "é", "E"],
] as const;

test("C124 C125 C126: keys whose collation does not tell case, accents or blanks apart", async ({
  prove,
}) => {
  const tables = COLLATIONS.map(([collation]) => collation);
  const step = (of: (table: string, other: string, from: string, to: string) => string): string =>
    COLLATIONS.map(([table, other, from, to]) => of(table, other, from, to)).join(";\n");
  const wrong = await prove({
    sql: tables
      .map(
        (collation) =>
          `CREATE TABLE ${collation} (k VARCHAR(20) COLLATE ${collation} PRIMARY KEY, v INT);
           INSERT INTO ${collation} VALUES ('abc', 1), ('other', 2)`,
      )
      .join(";\n"),
    steps: [
      step((table) => `UPDATE ${table} SET k = 'ABC' WHERE k = 'abc'`),
      step((table) => `REPLACE INTO ${table} VALUES ('Abc  ', 3)`),
      step(
        (table, other) =>
          `INSERT INTO ${table} VALUES ('${other}', 4) ON DUPLICATE KEY UPDATE k = VALUES(k), v = 5`,
      ),
      step((table) => `DELETE FROM ${table} WHERE k LIKE 'a%' OR k LIKE 'ä%'`),
      step((table, _other, from) => `INSERT INTO ${table} VALUES ('aBc', 6), ('${from}', 7)`),
      step(
        (table, _other, _from, to) =>
          `INSERT INTO ${table} VALUES ('${to}', 8) ON DUPLICATE KEY UPDATE k = VALUES(k), v = 9`,
      ),
      step(
        (table) =>
          `BEGIN; DELETE FROM ${table} WHERE k = 'OTHER' OR k = 'other'; INSERT INTO ${table} VALUES ('OtheR', 10); COMMIT`,
      ),
    ],
  });
  expect(wrong).toEqual([]);
});

const TYPES = [
  ["FLOAT", ["0", "1.5", "-3.4e38", "1e-38", "16777216"], "2.5", "-0e0"],
  ["DOUBLE", ["0", "1.5", "-1.7e308", "5e-324", "0.1", "1e7", "123456789.5"], "1e-5", "-0e0"],
  ["DECIMAL(20,7)", ["0", "1.5", "-0.0000003", "1234567890123.0000001"], "2", "-0.1"],
  [
    "DATETIME(6)",
    ["'1000-01-01'", "'2024-02-29 23:59:59.999999'"],
    "'2024-02-29 23:59:59.999998'",
    "'9999-12-31 23:59:59.999999'",
  ],
  [
    "TIMESTAMP(3)",
    ["'1970-01-01 00:00:01'", "'2024-03-31 02:30:00.001'"],
    "'2024-03-31 02:30:00.002'",
    "'2038-01-19 03:14:07.999'",
  ],
  ["TIME(2)", ["'-838:59:59'", "'00:00:00'", "'-00:00:00.01'"], "'838:59:58.99'", "'-00:01:00'"],
  ["DATE", ["'1000-01-01'", "'9999-12-31'"], "'2024-02-29'", "'1582-10-10'"],
  ["YEAR", ["0", "1901", "2155"], "2000", "1999"],
  ["BIT(64)", ["0", "b'1'", "18446744073709551615"], "9223372036854775808", "2"],
  ["BINARY(4)", ["x''", "x'00'", "x'61'", "x'ffffffff'"].slice(1), "x'6101'", "x'6162'"],
  ["VARBINARY(9)", ["x'00'", "x'0000'", "x'61'"], "x'6100'", "x'2c'"],
  ["ENUM('z','a','M','10','9')", ["'z'", "'9'", "'M'"], "'a'", "'10'"],
  ["SET('z','a','M','b')", ["''", "'z,b'", "'a'"].slice(1), "'z,a,M,b'", "'M'"],
  ["BIGINT UNSIGNED", ["0", "18446744073709551615"], "9223372036854775808", "1"],
] as const;

test("C127: keys of every type, of which both zeros of a float are one", async ({ prove }) => {
  const wrong = await prove({
    sql: TYPES.map(
      ([type, values], i) =>
        `CREATE TABLE t${i} (k ${type}, v INT, PRIMARY KEY (k)); CREATE TABLE c${i} (v INT, k ${type}, n INT, PRIMARY KEY (n, k));
         INSERT INTO t${i} VALUES ${values.map((value) => `(${value}, 1)`).join(", ")};
         INSERT INTO c${i} VALUES ${values.map((value, j) => `(1, ${value}, ${j % 2})`).join(", ")}`,
    ).join(";\n"),
    steps: [
      TYPES.map(
        ([, [first], added], i) =>
          `UPDATE t${i} SET v = 2 WHERE k = ${first}; INSERT INTO t${i} VALUES (${added}, 3); DELETE FROM c${i} WHERE k = ${first}`,
      ).join(";\n"),
      TYPES.map(
        ([, [first], added, changed], i) =>
          `UPDATE t${i} SET k = ${changed}, v = 4 WHERE k = ${first}; DELETE FROM t${i} WHERE k = ${added}; INSERT INTO c${i} VALUES (5, ${added}, 0)`,
      ).join(";\n"),
      "UPDATE t0 SET k = 0e0 WHERE k = 0; UPDATE t1 SET v = 9 WHERE k = 0; REPLACE INTO t1 VALUES (0, 10); DELETE FROM t0 WHERE k = -0e0",
    ],
    // Of so many buckets `-0.0` would have another than `0.0`.
    overrides: { t0: { buckets: 7 }, t1: { buckets: 7 } },
  });
  expect(wrong).toEqual([]);
});

test("C127: zero dates in a key are kept as text, and stop the table without that choice", async ({
  mysql,
}) => {
  const zero = "SET SESSION sql_mode = ''; ";
  const begin = async (more: string): Promise<BadDay> =>
    BadDay.begin({
      ...{ server: mysql, oracle: await oracle, config: { more } },
      sql: `${zero}CREATE TABLE t (d DATE PRIMARY KEY, v INT); INSERT INTO t VALUES ('0000-00-00', 1), ('2020-00-00', 2)`,
    });
  await using refused = await begin("");
  expect(await refused.outcome(INIT)).toEqual([
    1,
    'TABLE_VALUE d.t: column d date holds "0000-00-00" in the row with key (0000-00-00)',
  ]);
  await using day = await begin("overrides: [{tables: ['*.t'], zeroDates: text}]\n");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(
    `${zero}UPDATE t SET v = 3 WHERE d = '2020-00-00'; UPDATE t SET d = '2020-02-00' WHERE d = 0`,
  );
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  const { out } = await day.run([
    "query",
    "--format",
    "csv",
    `SELECT d, v FROM ${day.database}.t ORDER BY v`,
  ]);
  expect(out).toBe("d,v\r\n2020-02-00,1\r\n2020-00-00,3\r\n");
});

test("C128: a key of 3,072 bytes, with emoji and NUL", async ({ prove }) => {
  const wrong = await prove({
    sql: `CREATE TABLE t (k VARCHAR(768) COLLATE utf8mb4_bin PRIMARY KEY, v INT);
      INSERT INTO t VALUES (REPEAT('🐬', 768), 1), (CONCAT(REPEAT('🐬', 767), '🐳'), 2), ('\\0', 3), ('\\0\\0', 4), ('a\\0b', 5)`,
    steps: [
      "UPDATE t SET v = 6 WHERE k = REPEAT('🐬', 768); DELETE FROM t WHERE k = '\\0'",
      "UPDATE t SET k = CONCAT('🐳', k) WHERE k = 'a\\0b'; INSERT INTO t VALUES ('\\0', 7)",
    ],
  });
  expect(wrong).toEqual([]);
});

test("C129: keys on the first characters of a text", async ({ prove }) => {
  const wrong = await prove({
    sql: `CREATE TABLE t (txt TEXT COLLATE utf8mb4_0900_ai_ci, v INT, PRIMARY KEY (txt(10)));
      CREATE TABLE c (n INT, b BLOB, PRIMARY KEY (n, b(2)));
      CREATE TABLE u (code VARCHAR(40) NOT NULL, v INT, UNIQUE KEY (code(3)));
      INSERT INTO t VALUES ('äöü4567890 one', 1), ('b', 2), ('c123456789', 3);
      INSERT INTO c VALUES (1, x'000102'), (1, x'0100'), (2, x'000102');
      INSERT INTO u VALUES ('abcdef', 1), ('abd', 2)`,
    steps: [
      "UPDATE t SET txt = 'AOU4567890 two' WHERE v = 1; UPDATE t SET v = 4 WHERE txt = 'b'; UPDATE u SET code = 'abcxyz' WHERE v = 1",
      "REPLACE INTO t VALUES ('aou4567890 three', 5); DELETE FROM c WHERE b = x'0100'; INSERT INTO c VALUES (1, x'0100ff')",
      "UPDATE c SET b = CONCAT(b, x'07'); DELETE FROM t WHERE txt LIKE 'c%'; INSERT INTO t VALUES ('c123456789 more', 6); DELETE FROM u WHERE v = 2",
    ],
    overrides: { u: { withoutPrimaryKey: "unique" } },
  });
  expect(wrong).toEqual([]);
});

test("C119: an index that is not the key may go", async ({ prove }) => {
  const wrong = await prove({
    sql: "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY u (a), UNIQUE KEY w (a, b)); INSERT INTO t VALUES (1, 1)",
    steps: ["DROP INDEX w ON t; INSERT INTO t VALUES (2, 2); UPDATE t SET a = 3 WHERE a = 1"],
    overrides: { t: { withoutPrimaryKey: "unique" } },
  });
  expect(wrong).toEqual([]);
});

test.for([
  ["DROP INDEX u ON t", "DROP"],
  ["ALTER TABLE t DROP KEY u", "ALTER"],
  ["ALTER TABLE t RENAME INDEX u TO x", "ALTER"],
  ["ALTER TABLE t DROP INDEX u, ADD UNIQUE KEY w (b)", "ALTER"],
  ["ALTER TABLE t MODIFY a INT NULL", "ALTER"],
  ["ALTER TABLE t ADD PRIMARY KEY (b)", "ALTER"],
] as const)("C119 C131: %s stops a table whose key it changes", async ([statement, verb], { mysql }) => {
  await using day = await BadDay.begin({
    ...{ server: mysql, oracle: await oracle },
    sql: "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY u (a)); INSERT INTO t VALUES (1, 1)",
    config: { more: "overrides: [{tables: ['*.t'], withoutPrimaryKey: unique, schemaChanges: stop}]\n" },
  });
  expect(await day.outcome(INIT)).toEqual([0]);
  const running = day.start(["follow"]);
  await day.sql("INSERT INTO t VALUES (2, 2)");
  await day.same("t");
  await day.sql(`${statement}; INSERT INTO t VALUES (3, 3)`);
  await running.logged("the stop", ({ code }) => code === "TABLE_DDL");
  const end = day.told(await running.ended);
  expect(end[0]).toBe(1);
  expect(end.filter((line) => String(line).startsWith("TABLE_DDL"))).toContain(
    `TABLE_DDL d.t has stopped: the statement ${verb} changed the table`,
  );
});

test("C131: a table with another key is read again, and goes on by that key", async ({ mysql }) => {
  await using day = await BadDay.begin({
    ...{ server: mysql, oracle: await oracle },
    sql: "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, v INT, UNIQUE KEY u (a)); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)",
    config: { more: "overrides: [{tables: ['*.t'], withoutPrimaryKey: unique}]\n" },
  });
  expect(await day.outcome(INIT)).toEqual([0]);
  const running = day.start(["follow"]);
  for (const step of [
    "INSERT INTO t VALUES (3, 3, 3)",
    "ALTER TABLE t DROP INDEX u, ADD UNIQUE KEY w (b); INSERT INTO t VALUES (1, 4, 4)",
    "UPDATE t SET b = b + 10 WHERE a = 1; DELETE FROM t WHERE b = 2",
    "ALTER TABLE t ADD PRIMARY KEY (b, a); UPDATE t SET a = 5 WHERE v = 4",
    "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a, b); UPDATE t SET v = 7",
  ]) {
    await day.sql(step);
    await day.same("t");
  }
  expect(day.told(await running.stop())).toEqual([0]);
});
