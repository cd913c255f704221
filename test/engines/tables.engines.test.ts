/**
 * The proof that our tables are Hudi tables: engines that have nothing to do with us read them, their latest
 * state, earlier states and ranges of commits, and must agree with what MySQL said at each of these
 * positions, row by row and value by value. Then Spark goes on writing to copies of them.
 */
import { lakeName } from "../../src/lake/lake-name.ts";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { HUDI_VERSIONS } from "../../scripts/engines.ts";
import { must } from "../../src/util/assert.ts";
import { codeOf } from "../../src/util/errors.ts";
import { engineTypes, type EngineFamily } from "../support/engine-types.ts";
import { enginesForTests, type StepResult } from "../support/engines.ts";
import { mysqlTest } from "../support/mysql.ts";
import { rowDifferences } from "../support/row-difference.ts";
import { CARELESS, CO_WRITES } from "./co-writes.ts";
import { CHECKS, COMMIT_COLUMN, instantsOf, Proof, type Check } from "./proof.ts";
import { openLakeDatabase, openSynced, ZERO_DATES, type SyncedTable } from "./synced-tables.ts";
import { BUCKETS, TABLE_SPECS } from "./table-specs.ts";

const found = await enginesForTests();
let begun: Promise<Proof> | null = null;
const engineTest = mysqlTest.extend("proof", ({ mysql, skip }) => {
  if (found.engines === null) return skip(found.missing);
  return (begun ??= Proof.begin(mysql, found.engines));
});

afterAll(async () => {
  await (await begun)?.[Symbol.asyncDispose]();
});

interface Engine {
  readonly name: string;
  readonly family: EngineFamily;
  readonly reads: (proof: Proof) => Promise<readonly StepResult[]>;
}

const ENGINES: readonly Engine[] = [
  { name: "hudi-rs", family: "arrow", reads: (proof) => proof.hudiRs() },
  ...HUDI_VERSIONS.map((version) => ({
    name: `Spark with Hudi ${version}`,
    family: "spark" as const,
    reads: async (proof: Proof) => (await proof.spark(version)).reads,
  })),
];

/** What is wrong with an engine's answer; empty when it agrees with MySQL. */
function problemsOf(
  family: EngineFamily,
  check: Check,
  { table, result }: { readonly table: SyncedTable; readonly result: StepResult },
): readonly string[] {
  if (result.error !== null) return [result.error];
  const columns = [...table.columns, COMMIT_COLUMN];
  const expected = table.model
    .rows(check.view(instantsOf(table)))
    .map(({ values, instant }) => [...values, instant]);
  const wanted = engineTypes(family, table.schema, ZERO_DATES);
  const types = wanted.flatMap((type, i) => {
    const shown = result.types[i] ?? null;
    // hudi-rs shows no types where it has no rows.
    const isRight = shown === type || (shown === null && expected.length === 0);
    return isRight ? [] : [`${columns[i]?.name ?? ""} is ${shown ?? "absent"} and not ${type}`];
  });
  return [
    ...types,
    ...rowDifferences(columns, table.schema.primaryKey.map(lakeName), { expected, actual: result.rows }),
  ];
}

for (const engine of ENGINES) {
  for (const { name } of TABLE_SPECS) {
    engineTest(`${engine.name} reads ${name} as MySQL has it`, async ({ proof }) => {
      const results = await engine.reads(proof);
      const table = proof.table(name);
      const wrong = CHECKS.flatMap((check, i) => {
        if (check.spec !== name) return [];
        const result = must(results[i], check.label);
        const problems = problemsOf(engine.family, check, { table, result });
        return problems.length === 0 ? [] : [{ view: check.label, problems }];
      });
      expect(wrong).toEqual([]);
    });
  }
}

for (const version of HUDI_VERSIONS) {
  for (const [index, coWrite] of CO_WRITES.entries()) {
    engineTest(`Spark with Hudi ${version} goes on writing to ${coWrite.spec}`, async ({ proof }) => {
      const { schema, columns, model } = proof.table(coWrite.spec);
      const before = model.rows({ kind: "snapshot" }).map((row) => row.values);
      const expected = coWrite.after(before, (name) => columns.findIndex((column) => column.name === name));
      const spark = await proof.spark(version);
      const { errors, rows } = must(spark.coWrites.get(coWrite), coWrite.spec);
      expect(errors).toEqual([]);
      expect(rowDifferences(columns, schema.primaryKey.map(lakeName), { expected, actual: rows })).toEqual(
        [],
      );
      const hudiRs = must((await proof.hudiRsAfter(spark))[index], coWrite.spec);
      expect(hudiRs.error).toBeNull();
      expect(
        rowDifferences(columns, schema.primaryKey.map(lakeName), { expected, actual: hudiRs.rows }),
      ).toEqual([]);
    });
  }

  engineTest(
    `a table that Spark with Hudi ${version} has written to is not written to by us`,
    async ({ proof }) => {
      const { lakeDir, carelessError } = await proof.spark(version);
      expect(carelessError).toBeNull();
      const db = await openLakeDatabase(proof.folder);
      try {
        const outcomes = new Map<string, string>();
        for (const [name, table] of proof.tables) {
          const outcome = openSynced(db, lakeDir, table).then(
            async (opened) => {
              const instant = (await opened.commits(null)).at(-1)?.instant;
              await opened.close();
              return instant === instantsOf(table).at(-1) ? "opened" : "opened at another commit";
            },
            (error: unknown) => codeOf(error),
          );
          outcomes.set(name, await outcome);
        }
        const written = [...CO_WRITES.map(({ spec }) => spec), CARELESS.spec];
        const expected = TABLE_SPECS.map(({ name }) => [
          name,
          written.includes(name) ? "LAKE_FOREIGN_WRITE" : "opened",
        ]);
        expect([...outcomes]).toEqual(expected);
      } finally {
        await db.close();
      }
    },
  );
}

/** Of each commit, `numWrites` of its files. */
async function rowsWritten(table: SyncedTable): Promise<readonly (readonly number[])[]> {
  return Promise.all(
    instantsOf(table).map(async (instant) => {
      const commit = JSON.parse(await readFile(join(table.path, ".hoodie", `${instant}.commit`), "utf8")) as {
        readonly partitionToWriteStats: Readonly<Record<string, readonly { readonly numWrites: number }[]>>;
      };
      return Object.values(commit.partitionToWriteStats).flatMap((stats) =>
        stats.map((stat) => stat.numWrites),
      );
    }),
  );
}

/** Instants of the base files that are there, with how many there are of each. */
async function filesByInstant({ path }: SyncedTable): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(path)).filter((name) => name.endsWith(".parquet"));
  const groups = Map.groupBy(names, (name) => name.slice(name.lastIndexOf("_") + 1, -".parquet".length));
  return new Map([...groups].map(([instant, files]) => [instant, files.length]));
}

engineTest("what makes the tables hard to read is there", async ({ proof }) => {
  // Files without rows, and commits without files.
  const [first, drained, empty, back] = await rowsWritten(proof.table("drained"));
  expect(first?.length).toBe(BUCKETS);
  expect([drained, empty, back]).toEqual([[0], [], [1]]);
  const [load, inserted, deleted] = await rowsWritten(proof.table("hollow"));
  expect(load).toEqual([]);
  expect(inserted?.reduce((sum, rows) => sum + rows, 0)).toBe(2);
  expect(deleted?.every((rows) => rows === 0)).toBe(true);
  // Instants whose files are gone, and files whose instant never completed.
  const cleaned = proof.table("cleaned");
  const lastTwo = instantsOf(cleaned)
    .slice(-2)
    .map((instant) => [instant, BUCKETS] as const);
  expect(await filesByInstant(cleaned)).toEqual(new Map(lastTwo));
  const brokenOff = proof.table("broken_off");
  const completed = instantsOf(brokenOff);
  const files = await filesByInstant(brokenOff);
  expect([...files.values()]).toEqual([BUCKETS, BUCKETS, BUCKETS]);
  expect([...files.keys()].filter((instant) => !completed.includes(instant))).toHaveLength(1);
});
