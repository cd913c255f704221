import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSyncError } from "../../../src/types/errors.ts";
import type { RowForm } from "../../../src/types/change-batch.ts";
import type { ZeroDatePolicy } from "../../../src/types/lake-type.ts";
import type { LakeTable } from "../../../src/types/ports.ts";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, READ_AT_MS, tableSql, testLake, type TestLake } from "../../support/lake.ts";
import { BINARY, DATE, DATETIME, decimal, INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

let lake: TestLake;
let tables = 0;
beforeAll(async () => {
  lake = await testLake();
});
afterAll(() => lake[Symbol.asyncDispose]());

interface TestTable {
  readonly schema: TableSchema;
  readonly table: LakeTable;
}

/** A new table of its own. */
async function newTable(
  columns: readonly (readonly [string, ColumnType])[],
  key: readonly string[],
  zeroDates: ZeroDatePolicy = "null",
): Promise<TestTable> {
  const schema = lakeSchema(columns, key, `t${++tables}`);
  return { schema, table: await lake.open(schema, { zeroDates }) };
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return `${error.code}: ${error.message.replace(/^shop\.t\d+: /, "")}`;
  }
}

/** A first commit of the rows, which come as a snapshot's or as changes in one of their forms. */
const FROM = {
  chunk: async ({ schema, table }: TestTable, rows: readonly (readonly string[])[]) => {
    const chunk = await lake.stage(table, schema, { index: 0, rows });
    await table.load(schema, [chunk], commitInfo(new ChangeWriter(schema)));
  },
  columns: (fresh: TestTable, rows: readonly (readonly string[])[]) => append(fresh, rows, "columns"),
  lines: (fresh: TestTable, rows: readonly (readonly string[])[]) => append(fresh, rows, "lines"),
} as const;
type From = keyof typeof FROM;
const EACH = ["chunk", "columns", "lines"] as const;

async function append(
  { schema, table }: TestTable,
  rows: readonly (readonly string[])[],
  form: RowForm,
): Promise<void> {
  const writer = new ChangeWriter(schema, { form });
  await table.append(writer.batch([rows.map((row) => ({ op: "c" as const, row }))]));
  await table.load(schema, [], commitInfo(writer));
}

const load = (fresh: TestTable, rows: readonly (readonly string[])[], from: From): Promise<string> =>
  refusal(() => FROM[from](fresh, rows));

/** The same of a table of its own for each place that the rows can come from. */
async function loadEach(
  table: () => Promise<TestTable>,
  rows: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const outcomes = [];
  for (const from of EACH) {
    const fresh = await table();
    outcomes.push(await load(fresh, rows, from));
    await fresh.table.close();
  }
  return [...new Set(outcomes)];
}

/** What no column of capture's can hold, and a line of JSON can. */
test.each<[string, ColumnType, string, string]>([
  ["int", INT, "2147483648", "2147483648"],
  ["int", INT, '"x"', "x"],
  ["bigint", { kind: "int", bytes: 8, unsigned: false }, "9223372036854775808", "9223372036854775808"],
  ["bigint unsigned", { kind: "int", bytes: 8, unsigned: true }, "-1", "-1"],
  ["blob", BINARY, '"A*=="', "A*=="],
  ["decimal", decimal(10, 2), '"1e"', "1e"],
  ["date", DATE, '"2020-13-01"', "2020-13-01"],
  ["date", DATE, '"yesterday"', "yesterday"],
  ["datetime", DATETIME, '"2020-01-01 24:00:01"', "2020-01-01 24:00:01"],
  ["datetime", DATETIME, '"2020-01-32 00:00:00"', "2020-01-32 00:00:00"],
])("a value of JSON that does not fit is named: %s %#", async (_name, type, json, shown) => {
  const columns = [
    ["id", INT],
    ["v", type],
  ] as const;
  const fresh = await newTable(columns, ["id"]);
  const rows = [
    ["1", "null"],
    ["2", json],
  ];
  expect(await load(fresh, rows, "lines")).toBe(
    `TABLE_VALUE: column v ${type.kind} holds ${JSON.stringify(shown)} in the row with key (2)`,
  );
  await fresh.table.close();
});

describe("a value that does not fit is named, never changed", () => {
  test.each<[string, ColumnType, string, string]>([
    ["decimal", decimal(16, 2), '"1e"', "1e"],
    ["decimal", decimal(38, 0), `"1${"0".repeat(38)}"`, `1${"0".repeat(38)}`],
    ["decimal", decimal(38, 10), `"${"9".repeat(29)}.0"`, `${"9".repeat(29)}.0`],
  ])("%s %#", async (_name, type, json, shown) => {
    const columns = [
      ["id", INT],
      ["v", type],
    ] as const;
    const rows = [
      ["1", "null"],
      ["2", json],
    ];
    expect(await loadEach(() => newTable(columns, ["id"]), rows)).toEqual([
      `TABLE_VALUE: column v ${type.kind} holds ${JSON.stringify(shown)} in the row with key (2)`,
    ]);
  });

  test("a long one is cut", async () => {
    const fresh = await newTable(
      [
        ["id", INT],
        ["v", decimal(16, 2)],
      ],
      ["id"],
    );
    const message = await load(fresh, [["1", `"${"x".repeat(5000)}"`]], "chunk");
    expect(message).toHaveLength(
      `TABLE_VALUE: column v decimal holds "${"x".repeat(120)}" in the row with key (1)`.length,
    );
    await fresh.table.close();
  });
});

describe("a key that Hudi has no record key for stops the table", () => {
  test.each<[string, readonly ColumnType[], readonly string[], string]>([
    ["an empty text", [VARCHAR], ['""'], "()"],
    ["an empty binary", [BINARY], ['""'], "()"],
    ["a text like a placeholder", [VARCHAR, INT], ['"__empty__"', "1"], "(__empty__, 1)"],
    ["a text like the next column", [VARCHAR, INT], ['"x,k1:2"', "1"], "(x,k1:2, 1)"],
  ])("%s", async (_name, types, values, key) => {
    const names = types.map((_type, i) => `k${i}`);
    const columns = types.map((type, i) => [names[i] ?? "", type] as const);
    expect(await loadEach(() => newTable(columns, names), [values])).toEqual([
      `TABLE_VALUE: the row with key ${key} has no record key in Hudi of its own`,
    ]);
  });

  test("but texts of several columns may be empty", async () => {
    const columns = [
      ["a", VARCHAR],
      ["b", VARCHAR],
    ] as const;
    expect(await loadEach(() => newTable(columns, ["a", "b"]), [['""', '""']])).toEqual(["none"]);
  });
});

describe("dates without a calendar day", () => {
  const columns = [
    ["id", INT],
    ["day", DATE],
    ["at", DATETIME],
  ] as const;
  const rows = [["1", '"2020-00-00"', '"0000-00-00 00:00:00.000000"']];

  test("stop the table under `stop`", async () => {
    expect(await loadEach(() => newTable(columns, ["id"], "stop"), rows)).toEqual([
      'TABLE_VALUE: column day date holds "2020-00-00" in the row with key (1)',
    ]);
  });

  test("are text under `text`, as all dates are", async () => {
    const { schema, table } = await newTable(columns, ["id"], "text");
    const chunk = await lake.stage(table, schema, {
      index: 0,
      rows: [...rows, ["2", '"2020-02-29"', '"2020-02-29 01:02:03.456789"']],
    });
    await table.load(schema, [chunk], commitInfo(new ChangeWriter(schema)));
    await table.close();
    const found = await lake.rows(
      `SELECT day, "at" FROM ${await tableSql(lake.tableDir(schema))} ORDER BY id`,
    );
    expect(found).toEqual([
      ["2020-00-00", "0000-00-00 00:00:00.000000"],
      ["2020-02-29", "2020-02-29 01:02:03.456789"],
    ]);
  });

  test("stop the table in a key, where two of them would become one", async () => {
    expect(await loadEach(() => newTable(columns, ["day", "id"]), rows)).toEqual([
      'TABLE_VALUE: column day date holds "2020-00-00" in the row with key (2020-00-00, 1)',
    ]);
  });
});

describe("staged chunks are loaded as what they were staged for", () => {
  const columns = [["id", INT]] as const;

  test("and not into another number of buckets", async () => {
    const { schema, table } = await newTable(columns, ["id"]);
    const chunk = await lake.stage(table, schema, { index: 0, rows: [["1"]] });
    await table.close();
    const other = await lake.open(schema, { buckets: 3 });
    const load = (): Promise<unknown> => other.load(schema, [chunk], commitInfo(new ChangeWriter(schema)));
    expect(await refusal(load)).toMatch(
      /^SNAPSHOT_MANIFEST: .* does not belong to this snapshot: it was staged as /,
    );
    await other.close();
  });

  test("nor with rows missing, nor as another chunk, nor when they are something else", async () => {
    const { schema, table } = await newTable(columns, ["id"]);
    const chunk = await lake.stage(table, schema, { index: 0, rows: [["1"]] });
    const load = (change: object): Promise<string> =>
      refusal(() => table.load(schema, [{ ...chunk, ...change }], commitInfo(new ChangeWriter(schema))));
    expect(await load({ rows: 2 })).toMatch(/^SNAPSHOT_MANIFEST: .* it has 1 rows instead of 2$/);
    expect(await load({ index: 1 })).toMatch(/^SNAPSHOT_MANIFEST: .* it was staged as /);
    expect(await load({ file: join(lake.dir, "absent.parquet") })).toMatch(/^SNAPSHOT_MANIFEST: /);
    await writeFile(join(lake.dir, "other.parquet"), "x");
    expect(await load({ file: join(lake.dir, "other.parquet") })).toMatch(/^SNAPSHOT_MANIFEST: /);
    expect(await load({})).toBe("none");
    await table.close();
  });

  test("and a folder that is not there says so", async () => {
    const { table } = await newTable(columns, ["id"]);
    const writer = table.chunkWriter(0, join(lake.dir, "absent", "x"));
    expect(await refusal(() => writer.begin(READ_AT_MS))).toMatch(
      /^LAKE_IO: a chunk of shop\.t\d+ cannot be written to .*\/absent\/.*: ENOENT/,
    );
    await table.close();
  });
});

test.each(EACH)("a value longer than any usual buffer is read from %s", async (from) => {
  const columns = [
    ["id", INT],
    ["v", VARCHAR],
  ] as const;
  const fresh = await newTable(columns, ["id"]);
  const length = 34 << 20;
  expect(await load(fresh, [["1", `"${"x".repeat(length)}"`]], from)).toBe("none");
  await fresh.table.close();
  expect(await lake.rows(`SELECT id, length(v) FROM ${await tableSql(lake.tableDir(fresh.schema))}`)).toEqual(
    [[1, BigInt(length)]],
  );
});
