import { identifier, literal } from "../../src/lake/duckdb.ts";
import type { RowForm } from "../../src/types/change-batch.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { latestFiles, testLake } from "../support/lake.ts";
import { lakeTableContract, type LakeUnderTest } from "./lake-table.ts";

async function hudiOnLocalDisk(form: RowForm): Promise<LakeUnderTest> {
  const lake = await testLake();
  const select = async (schema: TableSchema, columns: readonly string[]): Promise<readonly unknown[][]> => {
    const files = await latestFiles(lake.tableDir(schema));
    if (files.length === 0) return [];
    const rows = await lake.rows(
      `SELECT ${columns.map(identifier).join(", ")} FROM read_parquet([${files.map(literal).join(", ")}])`,
    );
    return rows.map((row) => [...row]);
  };
  return {
    form,
    open: (schema) => lake.open(schema),
    stage: (table, schema, chunk) => lake.stage(table, schema, chunk),
    shown: async (schema) =>
      (
        await select(
          schema,
          schema.columns.map((column) => column.name),
        )
      )
        .map((row) =>
          JSON.stringify(row, (_key, value: unknown) =>
            typeof value === "bigint" ? value.toString() : value,
          ),
        )
        .sort(),
    tracking: async (schema) => {
      const rows = await select(schema, ["id", "_tl_seq", "_tl_ts_ms", "_tl_txn", "_tl_n", "_tl_op"]);
      return new Map(rows.map(([id, ...tracking]) => [Number(id), tracking]));
    },
    [Symbol.asyncDispose]: () => lake[Symbol.asyncDispose](),
  };
}

for (const form of ["columns", "lines"] as const) {
  lakeTableContract(`Hudi on local disk, from ${form},`, () => hudiOnLocalDisk(form));
}
