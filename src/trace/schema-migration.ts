import { readdir, readFile } from "node:fs/promises";
import { z } from "zod";
import type { ClickHouse } from "./clickhouse-connection.ts";
import { parseMigration, planMigrations, type Migration } from "./migration-plan.ts";
import { storedTime } from "./trace-row.ts";

/** Beside `src` and beside `dist`, which are equally deep. */
export const MIGRATIONS = new URL("../../migrations/clickhouse/", import.meta.url);

/** In order of their numbers, which must be 1, 2, 3 and so on. */
export async function readMigrations(folder: URL): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  const migrations = await Promise.all(
    names.map(async (name) => parseMigration(name, await readFile(new URL(name, folder), "utf8"))),
  );
  for (const [i, { number, name }] of migrations.entries()) {
    if (number !== i + 1) throw new RangeError(`migration ${name} has number ${number}, expected ${i + 1}`);
  }
  return migrations;
}

const appliedRow = z.tuple([z.number(), z.string(), z.string()]);

// Two processes may do this at the same time: each statement can be repeated, and FINAL leaves one row for
// each number.
const CREATE_MIGRATION = `
CREATE TABLE IF NOT EXISTS {database:Identifier}.migration
(
    number      UInt32,
    name        String,
    checksum    String,
    applied_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;

export interface MigrateOptions {
  readonly database: string;
  readonly migrations: readonly Migration[];
  readonly now: () => number;
}

/** Brings the schema to the newest number. @throws SyncError TRACE_SCHEMA or TRACE_UNAVAILABLE. */
export async function migrateSchema(store: ClickHouse, options: MigrateOptions): Promise<void> {
  const { database, migrations, now } = options;
  const params = { database };
  const exists = await store.select("look for the database", "EXISTS DATABASE {database:Identifier}", params);
  // Asked first, so that a user who may not create databases can be given an empty one.
  if (z.tuple([z.number()]).parse(exists[0])[0] === 0) {
    await store.run("create the database", "CREATE DATABASE IF NOT EXISTS {database:Identifier}", params);
  }
  await store.run("create the table of migrations", CREATE_MIGRATION, params);
  const rows = await store.select(
    "read the applied migrations",
    "SELECT number, name, checksum FROM {database:Identifier}.migration FINAL ORDER BY number",
    params,
  );
  const applied = rows.map((row) => {
    const [number, name, checksum] = appliedRow.parse(row);
    return { number, name, checksum };
  });
  for (const migration of planMigrations(migrations, applied)) {
    const step = `apply migration ${migration.number} (${migration.name})`;
    for (const statement of migration.statements) await store.run(step, statement, params);
    await store.insert(
      step,
      "INSERT INTO {database:Identifier}.migration (number, name, checksum, applied_at)",
      { params, rows: [[migration.number, migration.name, migration.checksum, storedTime(now())]] },
    );
  }
}
