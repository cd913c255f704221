import { describe, expect, test } from "vitest";
import { parseMigration, planMigrations } from "../../../src/trace/migration-plan.ts";
import { MIGRATIONS, readMigrations } from "../../../src/trace/schema-migration.ts";

const first = parseMigration("000001_one.sql", "CREATE TABLE one;\n");
const second = parseMigration("000002_two.sql", "CREATE TABLE two;\n");
const third = parseMigration("000003_three.sql", "CREATE TABLE three;\n");

describe("migrations", () => {
  test("a file is a number, a name and statements", () => {
    const text =
      "-- why; and how\nCREATE TABLE a\n(b String DEFAULT ';x');\n\n-- next\nCREATE TABLE c ;\n-- end\n";
    const { statements, ...rest } = parseMigration("000012_some_name.sql", text);
    expect(rest).toMatchObject({ number: 12, name: "some_name" });
    expect(rest.checksum).toMatch(/^[0-9a-f]{64}$/);
    expect(statements).toEqual([
      "-- why; and how\nCREATE TABLE a\n(b String DEFAULT ';x')",
      "-- next\nCREATE TABLE c",
    ]);
    expect(() => parseMigration("1_x.sql", "")).toThrow(RangeError);
  });

  test("those of this version are numbered from 1, and every statement can be repeated", async () => {
    const migrations = await readMigrations(MIGRATIONS);
    expect(migrations.map(({ number, name }) => [number, name])).toEqual([
      [1, "commit_count"],
      [2, "commit"],
    ]);
    for (const statement of migrations.flatMap(({ statements }) => statements)) {
      expect(statement).toMatch(/\bIF (NOT )?EXISTS {database:Identifier}\./);
    }
  });

  test("what is applied is not applied again", () => {
    expect(planMigrations([first, second], [])).toEqual([first, second]);
    expect(planMigrations([first, second, third], [first])).toEqual([second, third]);
    expect(planMigrations([first, second], [first, second])).toEqual([]);
  });

  test.each([
    [
      "a newer store",
      [first],
      [first, second],
      "the trace store has migration 000002_two, and this version knows them up to 1",
    ],
    ["a hole", [first, second], [second], "the trace store has migration 2 and lacks 1 (one)"],
    [
      "another text",
      [first],
      [{ ...first, checksum: "0".repeat(64) }],
      `the trace store has migration 000001_one with checksum ${"0".repeat(64)}, this version has one with ${first.checksum}`,
    ],
  ])("%s is refused", (_what, known, applied, message) => {
    let thrown: unknown;
    try {
      planMigrations(known, applied);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "TRACE_SCHEMA", message, retryable: false });
  });
});
