import { afterAll, expect } from "vitest";
import { eachMariadb } from "../support/mariadb.ts";
import { Oracle } from "../support/oracle.ts";
import { expectedCells, readmeCells, readmeTable, SERVERS, tryTypes } from "../support/support-matrix.ts";

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

eachMariadb((test, version) => {
  test("the README's table of types says what was found by trying", async ({ mariadb }) => {
    const tried = await tryTypes(mariadb, { kind: "MariaDB", oracle: await oracle });
    const server = SERVERS.find((name) => name === `MariaDB ${version}`);
    expect.assert(server !== undefined);
    expect(await readmeCells(server)).toEqual(expectedCells(tried));
    const lake = new Map([...(await readmeTable("type"))].map(([name, [type]]) => [name, type]));
    for (const [name, { lake: type }] of tried) expect([name, lake.get(name)]).toEqual([name, type]);
  });
});
