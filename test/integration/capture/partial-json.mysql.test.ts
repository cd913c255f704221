import fc from "fast-check";
import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { recordsOf } from "../../support/batch-records.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { randomDocument, randomJsonChange, sqlText } from "../../support/random-json.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { sourceChanges } from "../../support/source-count.ts";
import { SourceFeed } from "../../support/source-feed.ts";

const identity = { source: "test", epoch: 1 };
const ROWS = 3000;
const FORMS = ["columns", "lines", "records"] as const;
const PARTIAL = "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'";
const FUNCTION_PATH_ERROR = /path expression|In this situation/;

mysqlTest(
  "A29: random documents after random changes in place are what the server has, in every form of rows",
  async ({ database }) => {
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), j JSON, k JSON, w TEXT, n JSON, m JSON)",
    );
    const id = { database: database.name, table: "t" };
    const seed = 20_261_201;
    const docs = fc.sample(fc.tuple(randomDocument, randomDocument), { numRuns: ROWS, seed });
    const changes = fc.sample(fc.tuple(randomJsonChange, randomJsonChange, fc.nat(9)), {
      numRuns: ROWS,
      seed,
    });
    for (let i = 0; i < ROWS; i += 250) {
      const rows = docs
        .slice(i, i + 250)
        .map(([j, k], at) => `(${i + at}, 'a', ${sqlText(j)}, ${sqlText(k)}, 'w', NULL, '{"a": [1, 2]}')`);
      await database.run(`INSERT INTO t VALUES ${rows.join(", ")}`);
    }
    await using feed = await SourceFeed.open(database.server.url, identity);
    const schemas = await feed.schemas([id]);
    const schema = must(schemas[0], "a schema");
    const { position } = await feed.now();
    const before = await snapshotRows(feed.connection, schema);
    await using session = await database.connect();
    await session.run(PARTIAL);
    // A path that no such function takes is an error of its statement, which then changes nothing.
    let refused = 0;
    for (const [i, [j, k, kind]] of changes.entries()) {
      const sets = [`j = ${j("j")}`, `v = CONCAT(v, 'b')`];
      if (kind < 6) sets.push(`k = ${k("k")}`);
      if (kind === 7) sets.push("m = JSON_SET(m, '$.a[0]', 7)", "n = '[]'");
      if (kind === 8) sets.push("m = NULL");
      if (kind === 9) sets.push(`id = id + ${ROWS * 2}`);
      const sql = `UPDATE t SET ${sets.join(", ")} WHERE id = ${i}`;
      await session.run(sql).catch((error: unknown) => {
        if (!(error instanceof Error) || !FUNCTION_PATH_ERROR.test(error.message)) throw error;
        refused++;
      });
    }
    expect(refused).toBeLessThan(ROWS / 2);
    const now = await snapshotRows(feed.connection, schema);
    const olds = new Set(before);
    const changed = now.filter((row) => !olds.has(row)).length;
    for (const form of FORMS) {
      const { batches, position: end } = await feed.changesSince(position, schemas, form);
      const list = [...batches.values()].flat();
      const rows = new Map<string, string>(before.map((row) => [idOf(row), row]));
      for (const batch of list) {
        batchRows(batch).forEach((row, i) => {
          if (batch.op[i] === "d".charCodeAt(0)) rows.delete(idOf(row));
          else rows.set(idOf(row), row);
        });
      }
      const made = [...rows.values()].sort((a, b) => Number(idOf(a)) - Number(idOf(b)));
      // One by one: a list of thousands of documents is no message that anybody reads.
      expect(made.filter((row, i) => row !== now[i]).slice(0, 3)).toEqual([]);
      expect(made).toHaveLength(now.length);
      expect(made.filter((row) => !olds.has(row))).toHaveLength(changed);
      if (form !== "records") continue;
      // Records hold the document before as well.
      const records = list.flatMap(recordsOf).map(({ value }) => value);
      const old = records.flatMap((value) => /"before":(\{.*\}),"after":/.exec(value)?.[1] ?? []);
      expect(old.filter((image) => !olds.has(image)).slice(0, 3)).toEqual([]);
      const counted = await sourceChanges(database.server.url, { id, from: position.gtids, to: end.gtids });
      const ops = list.flatMap(({ op }) => Array.from(op, (code) => String.fromCharCode(code)));
      const of = (wanted: string): number => ops.filter((op) => op === wanted).length;
      expect(counted).toEqual({ c: of("c"), u: of("u"), d: of("d") });
    }
  },
);

const idOf = (row: string): string => must(/^\{"id":(\d+)/.exec(row)?.[1], "an id");
