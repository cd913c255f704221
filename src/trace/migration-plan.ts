import { createHash } from "node:crypto";
import { syncError } from "../types/errors.ts";

/** A step of the schema of the trace store. Its statements can be repeated: a crash may come before it is recorded. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

export type AppliedMigration = Omit<Migration, "statements">;

/** `000001_commit_count.sql`, and statements that end with a semicolon at the end of a line. */
export function parseMigration(fileName: string, text: string): Migration {
  const match = /^(\d{6})_([a-z0-9_]+)\.sql$/.exec(fileName);
  if (match === null) throw new RangeError(`not the name of a migration: ${fileName}`);
  const statements = text
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replaceAll(/^--.*$/gm, "").trim() !== "");
  return {
    number: Number(match[1]),
    name: match[2] ?? "",
    checksum: createHash("sha256").update(text).digest("hex"),
    statements,
  };
}

/**
 * The migrations that are still to apply, in order.
 * @throws SyncError TRACE_SCHEMA when the store was made by a newer version, or by files that are not ours.
 */
export function planMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  const byNumber = new Map(known.map((migration) => [migration.number, migration]));
  const newest = known.at(-1)?.number ?? 0;
  for (const { number, name, checksum } of applied) {
    const own = byNumber.get(number);
    const label = `${String(number).padStart(6, "0")}_${name}`;
    if (own === undefined) {
      throw syncError(
        "TRACE_SCHEMA",
        `the trace store has migration ${label}, and this version knows them up to ${newest}`,
        { hint: "install the version that made it, or set another trace.database" },
      );
    }
    if (own.checksum !== checksum || own.name !== name) {
      throw syncError(
        "TRACE_SCHEMA",
        `the trace store has migration ${label} with checksum ${checksum}, this version has ${own.name} with ${own.checksum}`,
        { hint: "set another trace.database; it is filled again from the lake" },
      );
    }
  }
  const done = new Set(applied.map((migration) => migration.number));
  const last = Math.max(0, ...done);
  const skipped = known.find((migration) => migration.number < last && !done.has(migration.number));
  if (skipped !== undefined) {
    throw syncError(
      "TRACE_SCHEMA",
      `the trace store has migration ${last} and lacks ${skipped.number} (${skipped.name})`,
      { hint: "set another trace.database; it is filled again from the lake" },
    );
  }
  return known.filter((migration) => !done.has(migration.number));
}
