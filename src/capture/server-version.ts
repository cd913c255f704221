import { syncError } from "../types/errors.ts";

/** The oldest MySQL whose binlog names its columns. */
const OLDEST: ServerVersion = [8, 0, 0];

/** Major, minor, patch. */
export type ServerVersion = readonly [number, number, number];

/** Of what `VERSION()` gives: `8.4.3`, `9.7.4-2`; zeros where it has no number. */
export function parseServerVersion(text: string): ServerVersion {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(text);
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0), Number(match?.[3] ?? 0)];
}

export function isAtLeast(version: ServerVersion, wanted: ServerVersion): boolean {
  for (const i of [0, 1, 2] as const) if (version[i] !== wanted[i]) return version[i] > wanted[i];
  return true;
}

/**
 * Whether we can follow this server at all: decided before anything else is asked of it, because other
 * servers do not know the settings that we pin in each session.
 * @throws SyncError SOURCE_NOT_SUPPORTED
 */
export function requireSupportedServer(text: string): void {
  if (/mariadb/i.test(text)) {
    throw syncError(
      "SOURCE_NOT_SUPPORTED",
      `the source is MariaDB ${text}, which this version does not follow`,
      {
        hint: "point source.url at a MySQL server, version 8.0 or later",
      },
    );
  }
  if (isAtLeast(parseServerVersion(text), OLDEST)) return;
  throw syncError("SOURCE_NOT_SUPPORTED", `the source is MySQL ${text}, which is too old to follow`, {
    hint: "upgrade it to MySQL 8.0 or later: only then its binlog holds the names of the columns",
  });
}
