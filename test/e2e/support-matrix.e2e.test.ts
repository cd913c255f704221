import { afterAll, expect } from "vitest";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { expectedCells, readmeCells, readmeTable, tryTypes } from "../support/support-matrix.ts";

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

mysqlTest("the README's table of types says what was found by trying, on MySQL", async ({ mysql }) => {
  const tried = await tryTypes(mysql, { kind: "MySQL", oracle: await oracle });
  expect(await readmeCells("MySQL 9.7")).toEqual(expectedCells(tried));
  const lake = new Map([...(await readmeTable("type"))].map(([name, [type]]) => [name, type]));
  for (const [name, { lake: type }] of tried) expect([name, lake.get(name)]).toEqual([name, type]);
});
