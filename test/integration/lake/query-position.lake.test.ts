import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LakeTable } from "../../../src/types/ports.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { countBatch } from "../../../src/types/batch-count.ts";
import { tableKey } from "../../../src/types/table-id.ts";
import { ChangeWriter, type RowChange } from "../../support/change-writer.ts";
import { commitInfo, IDENTITY, testLake, type TestLake } from "../../support/lake.ts";
import { askFailure, withQuery, type AskOptions } from "../../support/lake-query.ts";
import { INT, lakeSchema } from "../../support/lake-schemas.ts";

const UUID = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const upTo = (n: number): GtidSet => GtidSet.parse(`${UUID}:1-${n}`);
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 5, 1);

/** One table whose only row counts the transactions that changed it, with a clock of its own. */
class Counter {
  readonly schema: TableSchema;
  readonly #writer: ChangeWriter;
  readonly #table: LakeTable;
  readonly instants: string[] = [];

  private constructor(schema: TableSchema, writer: ChangeWriter, table: LakeTable) {
    this.schema = schema;
    this.#writer = writer;
    this.#table = table;
  }

  /** Its first commit stands at transaction 10. */
  static async create(lake: TestLake, name: string, clock: () => number, isEmpty = false): Promise<Counter> {
    const schema = lakeSchema(
      [
        ["id", INT],
        ["n", INT],
      ],
      ["id"],
      name,
    );
    const writer = new ChangeWriter(schema, { gtid: 10 });
    const table = await lake.open(schema, { now: clock, buckets: 1 });
    const counter = new Counter(schema, writer, table);
    const staged = await lake.stage(table, schema, { index: 0, rows: isEmpty ? [] : [["1", "0"]] });
    counter.instants.push((await table.load(schema, [staged], commitInfo(writer))).instant);
    return counter;
  }

  /** Sets the row at the transactions in between and commits at the last one; with `null` nothing changes. */
  async commitAt(gtid: number, n: number | null | "came and went"): Promise<void> {
    const changes: RowChange[] =
      n === null
        ? []
        : n === "came and went"
          ? [
              { op: "c", row: ["2", "0"] },
              { op: "d", row: ["2", "0"] },
            ]
          : [{ op: "u", row: ["1", String(n)] }];
    const before = Array.from({ length: gtid - this.#writer.gtidNumber - 1 }, () => []);
    const batch = this.#writer.batch([...before, changes]);
    if (batch.count > 0) await this.#table.append(batch);
    const counts = countBatch(batch, { identity: IDENTITY, hop: "dedup", class: "new", content: false });
    this.instants.push((await this.#table.commit({ ...commitInfo(this.#writer), counts })).instant);
  }

  clean(beforeMs: number): Promise<unknown> {
    return this.#table.clean(beforeMs);
  }

  close(): Promise<void> {
    return this.#table.close();
  }
}

let lake: TestLake;
let nowMs = START_MS;
const minute = (n: number): void => void (nowMs = START_MS + n * MINUTE_MS);

beforeAll(async () => {
  lake = await testLake();
});
afterAll(() => lake[Symbol.asyncDispose]());

/** The counts that a query shows, and where it says that they stand. */
async function ask(names: readonly string[], options: AskOptions = {}): Promise<unknown> {
  const sql = `SELECT ${names.map((name) => `(SELECT n FROM ${name})`).join(", ")}`;
  return withQuery(
    lake,
    sql,
    async (query) => {
      const [row] = (await Array.fromAsync(query.cells())).flat();
      const { cut } = query;
      const at = cut.kind === "one" ? cut.at.offset - 4 : null;
      return [...(row ?? []).map(Number), cut.kind, at, cut.kind === "one" ? cut.behindMs / MINUTE_MS : null];
    },
    options,
  );
}

describe("tables that commit at their own times", () => {
  beforeAll(async () => {
    minute(0);
    const a = await Counter.create(lake, "a", () => nowMs);
    const b = await Counter.create(lake, "b", () => nowMs);
    const quiet = await Counter.create(lake, "quiet", () => nowMs);
    // Without files, so that a row which does not last leaves none behind.
    const odd = await Counter.create(lake, "odd", () => nowMs, true);
    minute(1);
    await a.commitAt(20, 1);
    minute(2);
    await b.commitAt(20, 1);
    minute(3);
    await a.commitAt(30, 2);
    minute(4);
    await b.commitAt(33, 2);
    await quiet.commitAt(35, null);
    await odd.commitAt(35, "came and went");
    minute(5);
    await a.commitAt(40, 3);
    for (const table of [a, b, quiet, odd]) await table.close();
  });

  test("one table: its newest state", async () => {
    expect(await ask(["a"])).toEqual([3, "one", 40, 0]);
    expect(await ask(["b"])).toEqual([2, "one", 33, 0]);
  });

  test("several tables: the newest position that is known of each", async () => {
    expect(await ask(["a", "b"])).toEqual([1, 1, "one", 20, 4]);
    expect(await ask(["b", "quiet"])).toEqual([2, 0, "one", 33, 0]);
    expect(await ask(["a", "quiet"])).toEqual([2, 0, "one", 30, 2]);
    expect(await ask(["a", "b", "quiet"])).toEqual([1, 1, 0, "one", 20, 4]);
  });

  test("a row that came and went between two commits was there at a position in between", async () => {
    expect(await ask(["a", "odd"])).toEqual([0, 0, "one", 10, 5]);
  });

  test("the word of a running process counts, for the state that it is about", async () => {
    const known = (name: string, from: number, through: number): AskOptions => ({
      quiet: async () =>
        new Map([
          [tableKey({ database: "shop", table: name }), { from: upTo(from), through: upTo(through) }],
        ]),
    });
    expect(await ask(["a", "b"], known("b", 33, 45))).toEqual([3, 2, "one", 40, 0]);
    expect(await ask(["a", "b"], known("b", 33, 39))).toEqual([1, 1, "one", 20, 4]);
    expect(await ask(["a", "b"], known("b", 20, 30))).toEqual([2, 1, "one", 30, 2]);
    expect(await ask(["a", "b"], known("b", 21, 45))).toEqual([1, 1, "one", 20, 4]);
  });

  test("as of an earlier instant, also where a later commit proves that nothing changed", async () => {
    const at = (n: number): AskOptions => ({ asOf: `2026060100${String(n).padStart(2, "0")}99999` });
    expect(await ask(["a"], at(3))).toEqual([2, "one", 30, 0]);
    expect(await ask(["a"], at(0))).toEqual([0, "one", 10, 0]);
    expect(await ask(["a", "quiet"], at(1))).toEqual([1, 0, "one", 20, 0]);
    expect(await ask(["a", "b"], at(1))).toEqual([0, 0, "one", 10, 1]);
    expect(await ask(["a", "b"], at(2))).toEqual([1, 1, "one", 20, 0]);
  });

  test("there was no table before its first commit", async () => {
    expect(await askFailure(lake, "FROM a", { asOf: "20260531" })).toEqual([
      "LAKE_TABLE_MISSING",
      "the lake has no state of shop.a at or before 20260531, or its files were cleaned away",
      "name a later time, or raise `clean.retain`; `tallylake status` shows the newest commits",
    ]);
  });
});

test("states whose files were cleaned away are not gone back to", async () => {
  minute(0);
  const c = await Counter.create(lake, "c", () => nowMs);
  const d = await Counter.create(lake, "d", () => nowMs);
  for (const n of [1, 2, 3]) {
    minute(n);
    await c.commitAt(20 + n * 10, n);
    await d.commitAt(21 + n * 10, n);
  }
  expect(await ask(["c", "d"])).toEqual([0, 0, "one", 10, 3]);
  minute(10);
  await c.commitAt(60, 4);
  await c.clean(nowMs);
  expect(await ask(["c", "d"])).toEqual([4, 3, "several", null, null]);
  await d.commitAt(60, null);
  expect(await ask(["c", "d"])).toEqual([4, 3, "one", 60, 0]);
  for (const table of [c, d]) await table.close();
});
