import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { batchRows } from "../../support/batch-lines.ts";
import {
  createGroup,
  insertGroup,
  rowsOfGroup,
  selectGroup,
  VALUE_GROUPS,
  type ValueGroup,
} from "../../support/mariadb-values.ts";
import { eachMariadb } from "../../support/mariadb.ts";
import type { SqlValue } from "../../support/mysql-connection.ts";
import { compareCodecs } from "../../support/random-values.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed } from "../../support/source-feed.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/*
 * One text for one value on MariaDB: the binlog's codec in each of its forms, the snapshot's codec and the server's own
 * SELECT, for every type and no fewer than 40 boundary values of each.
 */
const identity = { source: "test", epoch: 1 };

/** What is in the hard cases of each group. */
const NUMBERS: Readonly<Record<string, string>> = {
  numbers: "B71 B72 B73 B74 B75: ",
  temporals: "B79 B80 B82 B83 B84: ",
  addresses: "B107: ",
  texts: "B98 B100 B102 B103 B104: ",
  packed: "B108: ",
  choices: "B77 B87 B88 B96 B97: ",
};

/** Cells in which the row's JSON is not what the server prints. */
function differences(group: ValueGroup, rows: readonly string[], shown: readonly SqlValue[][]): string[] {
  return rows.flatMap((row, i) => {
    const values = JSON.parse(row) as Readonly<Record<string, string | number | null>>;
    return group.columns.flatMap(({ name, definition }, c) => {
      const theirs = shown[i]?.[c] ?? null;
      const ours = values[name] ?? null;
      const isSame =
        ours === null || theirs === null
          ? ours === theirs
          : sameText({ row, name, definition, ours, theirs: theirs.toString() });
      return isSame ? [] : [`row ${i + 1} ${name}: ${String(ours)} and not ${theirs?.toString() ?? "NULL"}`];
    });
  });
}

interface Cell {
  readonly row: string;
  readonly name: string;
  readonly definition: string;
  readonly ours: string | number;
  readonly theirs: string;
}

/** Floats are compared as the numbers that they are, other numbers digit by digit, and texts as JSON reads them. */
function sameText({ row, name, definition, ours, theirs }: Cell): boolean {
  if (typeof ours === "string") return JSON.parse(theirs) === ours;
  if (definition === "float") return Object.is(Math.fround(ours), Math.fround(Number(theirs)));
  if (definition === "double") return Object.is(ours, Number(theirs));
  return new RegExp(`"${name}":(-?[0-9]+)[,}]`).exec(row)?.[1] === theirs;
}

async function compare(database: TestDatabase, group: ValueGroup): Promise<void> {
  await database.run("SET NAMES utf8mb4; SET sql_mode = '', time_zone = '+00:00'");
  await database.run(createGroup(group));
  await using feed = await SourceFeed.open(database.server.url, identity);
  const schemas = await feed.schemas([{ database: database.name, table: group.name }]);
  const { position } = await feed.now();
  await database.run(insertGroup(group));
  const snapshot = await snapshotRows(feed.connection, must(schemas[0], "a schema"));
  expect(snapshot).toHaveLength(rowsOfGroup(group));
  expect(differences(group, snapshot, await database.rows(selectGroup(group)))).toEqual([]);
  for (const form of ["columns", "lines", "records"] as const) {
    const { batches } = await feed.changesSince(position, schemas, form);
    expect([...batches.values()].flat().flatMap(batchRows), form).toEqual(snapshot);
  }
}

eachMariadb((test) => {
  for (const group of VALUE_GROUPS) {
    test(`${NUMBERS[group.name] ?? ""}${group.name} are the same in the snapshot, the binlog and a SELECT`, async ({
      database,
    }) => {
      expect(group.columns.filter(({ values }) => values.length < 40).map(({ name }) => name)).toEqual([]);
      await compare(database, group);
    });
  }

  test("B86: binlog and snapshot write the same bytes for random rows", async ({ database }) => {
    await database.run("SET NAMES utf8mb4");
    const rows = 5000;
    expect(await compareCodecs(database, { seed: 20_260_102, rows, isMariadb: true })).toEqual({
      wrong: [],
      rows,
    });
  });
});
