import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSyncError } from "../../../src/types/errors.ts";
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

const stage = ({ schema, table }: TestTable, rows: readonly (readonly string[])[]): Promise<string> =>
  refusal(() => lake.stage(table, schema, { index: 0, rows }));

describe("a value that does not fit is named, never changed", () => {
  test.each<[string, ColumnType, string, string]>([
    ["int", INT, "2147483648", "2147483648"],
    ["int", INT, '"x"', "x"],
    ["bigint", { kind: "int", bytes: 8, unsigned: false }, "9223372036854775808", "9223372036854775808"],
    ["bigint unsigned", { kind: "int", bytes: 8, unsigned: true }, "-1", "-1"],
    ["decimal", decimal(10, 2), '"1e"', "1e"],
    ["decimal", decimal(38, 0), `"1${"0".repeat(38)}"`, `1${"0".repeat(38)}`],
    ["decimal", decimal(38, 10), `"${"9".repeat(29)}.0"`, `${"9".repeat(29)}.0`],
    ["blob", BINARY, '"A*=="', "A*=="],
    ["date", DATE, '"2020-13-01"', "2020-13-01"],
    ["date", DATE, '"yesterday"', "yesterday"],
    ["datetime", DATETIME, '"2020-01-01 24:00:01"', "2020-01-01 24:00:01"],
    ["datetime", DATETIME, '"2020-01-32 00:00:00"', "2020-01-32 00:00:00"],
  ])("%s %#", async (_name, type, json, shown) => {
    const fresh = await newTable(
      [
        ["id", INT],
        ["v", type],
      ],
      ["id"],
    );
    const rows = [
      ["1", "null"],
      ["2", json],
    ];
    expect(await stage(fresh, rows)).toBe(
      `TABLE_VALUE: column v ${type.kind} holds ${JSON.stringify(shown)} in the row with key (2)`,
    );
    await fresh.table.close();
  });

  test("a long one is cut", async () => {
    const fresh = await newTable(
      [
        ["id", INT],
        ["v", decimal(10, 2)],
      ],
      ["id"],
    );
    const message = await stage(fresh, [["1", `"${"x".repeat(5000)}"`]]);
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
    const fresh = await newTable(
      types.map((type, i) => [names[i] ?? "", type] as const),
      names,
    );
    expect(await stage(fresh, [values])).toBe(
      `TABLE_VALUE: the row with key ${key} has no record key in Hudi of its own`,
    );
    await fresh.table.close();
  });

  test("but texts of several columns may be empty", async () => {
    const fresh = await newTable(
      [
        ["a", VARCHAR],
        ["b", VARCHAR],
      ],
      ["a", "b"],
    );
    expect(await stage(fresh, [['""', '""']])).toBe("none");
    await fresh.table.close();
  });

  test("a floating-point key does so before any row", async () => {
    const fresh = await newTable([["f", { kind: "double" }]], ["f"]);
    expect(await stage(fresh, [])).toBe("TABLE_KEY_UNSUPPORTED: the key column f is a floating-point number");
    await fresh.table.close();
  });
});

test.each([
  ["_hoodie_record_key", "collides with _hoodie_record_key"],
  ["_TL_SEQ", "collides with _TL_SEQ"],
  ["ID", "collides with id"],
  ["naïve", "is not a legal Avro name"],
])("the column name %s is refused", async (name, reason) => {
  const fresh = await newTable(
    [
      ["id", INT],
      [name, INT],
    ],
    ["id"],
  );
  // Our own columns come last, so it is they that collide.
  const shown = name === "_TL_SEQ" ? "_tl_seq" : name;
  expect(await stage(fresh, [])).toBe(`TABLE_COLUMN_NAME: the column name "${shown}" ${reason}`);
  await fresh.table.close();
});

describe("dates without a calendar day", () => {
  const columns = [
    ["id", INT],
    ["day", DATE],
    ["at", DATETIME],
  ] as const;
  const rows = [["1", '"2020-00-00"', '"0000-00-00 00:00:00.000000"']];

  test("stop the table under `stop`", async () => {
    const fresh = await newTable(columns, ["id"], "stop");
    expect(await stage(fresh, rows)).toBe(
      'TABLE_VALUE: column day date holds "2020-00-00" in the row with key (1)',
    );
    await fresh.table.close();
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
    const fresh = await newTable(columns, ["day", "id"]);
    expect(await stage(fresh, rows)).toBe(
      'TABLE_VALUE: column day date holds "2020-00-00" in the row with key (2020-00-00, 1)',
    );
    await fresh.table.close();
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

  test("and a file of lines that is not there says so", async () => {
    const { table } = await newTable(columns, ["id"]);
    const lines = join(lake.dir, "absent.ndjson");
    expect(
      await refusal(() => table.stageChunk({ index: 0, lines, readAtMs: READ_AT_MS }, join(lake.dir, "x"))),
    ).toBe(`LAKE_IO: cannot read "${lines}": ENOENT`);
    await table.close();
  });
});

test("a line longer than the reader's usual buffer is read", async () => {
  const { schema, table } = await newTable(
    [
      ["id", INT],
      ["v", VARCHAR],
    ],
    ["id"],
  );
  const length = 34 << 20;
  const chunk = await lake.stage(table, schema, { index: 0, rows: [["1", `"${"x".repeat(length)}"`]] });
  await table.close();
  expect(await lake.rows(`SELECT id, length(v) FROM read_parquet('${chunk.file}')`)).toEqual([
    [1, BigInt(length)],
  ]);
});
