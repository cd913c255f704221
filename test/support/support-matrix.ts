import { readFile } from "node:fs/promises";
import { BadDay, CATCH_UP, INIT } from "./bad-day.ts";
import type { Oracle } from "./oracle.ts";
import type { TestMysql } from "./test-mysql.ts";

/*
 * What is supported, as it was found by trying: a table of each type goes through the whole program, and what comes out
 * is the README's table. A cell that is not what the README says fails the test; the remedy is in the failure.
 */

export const SERVERS = ["MySQL 9.7", "MariaDB 10.11", "MariaDB 11.4"] as const;
export type Server = (typeof SERVERS)[number];

interface TriedType {
  /** As the README calls it. */
  readonly name: string;
  readonly definition: string;
  /** SQL literals. */
  readonly values: readonly string[];
  /** Only this kind of server has it. */
  readonly only?: "MySQL" | "MariaDB";
}

const texts = ["'a'", "''", "'naïve €'", "NULL"];
const bytes = ["X'00FF'", "''", "NULL"];

export const TRIED_TYPES: readonly TriedType[] = [
  { name: "TINYINT to INT", definition: "INT", values: ["-2147483648", "2147483647", "0", "NULL"] },
  { name: "INT UNSIGNED", definition: "INT UNSIGNED", values: ["4294967295", "0"] },
  { name: "BIGINT", definition: "BIGINT", values: ["-9223372036854775808", "9223372036854775807"] },
  { name: "BIGINT UNSIGNED", definition: "BIGINT UNSIGNED", values: ["18446744073709551615", "0"] },
  {
    name: "DECIMAL to 38 digits",
    definition: "DECIMAL(38,10)",
    values: [`${"9".repeat(28)}.0000000001`, "-0.5"],
  },
  {
    name: "DECIMAL to 65 digits",
    definition: "DECIMAL(65,30)",
    values: [`'${"9".repeat(35)}.${"9".repeat(30)}'`, "-1"],
  },
  { name: "FLOAT", definition: "FLOAT", values: ["0.1", "3.4e38", "-0e0"] },
  { name: "DOUBLE", definition: "DOUBLE", values: ["0.1", "1.7976931348623157e308", "5e-324", "-0e0"] },
  { name: "BIT", definition: "BIT(9)", values: ["b'101010101'", "b'0'"] },
  { name: "BIT(64)", definition: "BIT(64)", values: ["18446744073709551615", "1"] },
  { name: "CHAR, VARCHAR", definition: "VARCHAR(20)", values: texts },
  { name: "TINYTEXT to LONGTEXT", definition: "LONGTEXT", values: [...texts, "REPEAT('x', 70000)"] },
  { name: "BINARY, VARBINARY", definition: "VARBINARY(20)", values: bytes },
  { name: "TINYBLOB to LONGBLOB", definition: "LONGBLOB", values: [...bytes, "REPEAT(X'00', 70000)"] },
  { name: "DATE", definition: "DATE", values: ["'1000-01-01'", "'9999-12-31'", "NULL"] },
  { name: "TIME", definition: "TIME(6)", values: ["'-838:59:59'", "'00:00:00.000001'", "'-00:01:00'"] },
  { name: "DATETIME", definition: "DATETIME(6)", values: ["'1000-01-01'", "'9999-12-31 23:59:59.999999'"] },
  {
    name: "TIMESTAMP",
    definition: "TIMESTAMP(6) NULL",
    values: ["'1970-01-02'", "'2037-12-31 23:59:59.999999'"],
  },
  { name: "YEAR", definition: "YEAR", values: ["0", "1901", "2155"] },
  { name: "ENUM", definition: "ENUM('a','b,c','é')", values: ["'a'", "'b,c'", "'é'", "NULL"] },
  { name: "SET", definition: "SET('a','b','é')", values: ["''", "'a,é'", "NULL"] },
  { name: "JSON", definition: "JSON", values: [`'{"b": 1.0, "a": [null]}'`, `'"x"'`, "NULL"] },
  {
    name: "GEOMETRY and its kinds",
    definition: "GEOMETRY",
    values: ["ST_GeomFromText('POINT(1 2)')", "NULL"],
  },
  { name: "VECTOR", definition: "VECTOR(2)", values: ["STRING_TO_VECTOR('[1, -2.5]')"], only: "MySQL" },
  {
    name: "UUID",
    definition: "UUID",
    values: ["'123e4567-e89b-12d3-a456-426655440000'", "NULL"],
    only: "MariaDB",
  },
  { name: "INET4", definition: "INET4", values: ["'10.0.0.1'", "'255.255.255.255'"], only: "MariaDB" },
  { name: "INET6", definition: "INET6", values: ["'2001:db8::1'", "'::'"], only: "MariaDB" },
  {
    name: "COMPRESSED columns",
    definition: "TEXT COMPRESSED",
    values: ["REPEAT('z', 500)", "''"],
    only: "MariaDB",
  },
];

export interface Tried {
  readonly lake: string;
  /** `yes`, a code that refuses it, or what is wrong. */
  readonly snapshot: string;
  readonly binlog: string;
}

const tableOf = (i: number): string => `t${i}`;

/** Takes a table of each type that the server has through snapshot and binlog, and compares every cell. */
export async function tryTypes(
  server: TestMysql,
  { kind, oracle }: { readonly kind: "MySQL" | "MariaDB"; readonly oracle: Oracle },
): Promise<ReadonlyMap<string, Tried>> {
  const types = TRIED_TYPES.flatMap((type, i) =>
    type.only === undefined || type.only === kind ? [{ ...type, table: tableOf(i) }] : [],
  );
  const sql = types
    .map(
      ({ table, definition, values }) =>
        `CREATE TABLE ${table} (id INT PRIMARY KEY, v ${definition}); INSERT INTO ${table} VALUES ${values.map((value, id) => `(${id}, ${value})`).join(", ")}`,
    )
    .join("; ");
  await using day = await BadDay.begin({ server, oracle, sql: `SET SESSION sql_mode = ''; ${sql}` });
  const wide = [{ tables: [`${day.database}.*`], decimalsAsText: ["v"] }];
  await day.configure({ more: `overrides: ${JSON.stringify(wide)}\n` });
  const outcomes = async (): Promise<readonly string[]> => {
    const all: string[] = [];
    for (const { table } of types) {
      const [wrong] = await day.different(table);
      all.push(wrong === undefined ? "yes" : wrong);
    }
    return all;
  };
  const said = [...(await day.outcome(INIT))];
  if (said[0] !== 0) throw new Error(said.join("; "));
  const snapshot = await outcomes();
  const change = types
    .map(
      ({ table }) =>
        `INSERT INTO ${table} SELECT id + 100, v FROM ${table}; DELETE FROM ${table} WHERE id = 0`,
    )
    .join("; ");
  await day.sql(`SET SESSION sql_mode = ''; ${change}`);
  const followed = await day.outcome(CATCH_UP);
  if (followed[0] !== 0) throw new Error(followed.join("; "));
  const binlog = await outcomes();
  const found = new Map<string, Tried>();
  for (const [i, { name, table }] of types.entries()) {
    const described = await day.run([
      "query",
      "--format",
      "csv",
      `DESCRIBE SELECT v FROM ${day.database}.${table}`,
    ]);
    const lake = /^v,("?)(.*?)\1,/m.exec(described.out)?.[2] ?? "?";
    found.set(name, { lake, snapshot: snapshot[i] ?? "?", binlog: binlog[i] ?? "?" });
  }
  return found;
}

const README = new URL("../../README.md", import.meta.url);

/** The README's rows of a table, by their first cells; the header's cells are under the empty name. */
export async function readmeTable(firstHeader: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await readFile(README, "utf8");
  const block = text.split("\n\n").find((part) => part.startsWith(`| ${firstHeader} |`)) ?? "";
  const rows = block
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [header = [], , ...rest] = rows;
  return new Map([["", header.slice(1)], ...rest.map(([name = "", ...cells]) => [name, cells] as const)]);
}

/** The rows that the README should have in the columns of a server, as it would write them. */
export function expectedCells(tried: ReadonlyMap<string, Tried>): ReadonlyMap<string, readonly string[]> {
  return new Map(
    TRIED_TYPES.map(({ name }) => {
      const found = tried.get(name);
      return [name, found === undefined ? ["–", "–"] : [found.snapshot, found.binlog]];
    }),
  );
}

/** Those that it has. */
export async function readmeCells(server: Server): Promise<ReadonlyMap<string, readonly string[]>> {
  const table = await readmeTable("type");
  const at = 1 + 2 * SERVERS.indexOf(server);
  return new Map(
    [...table].filter(([name]) => name !== "").map(([name, cells]) => [name, cells.slice(at, at + 2)]),
  );
}
