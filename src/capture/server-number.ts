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

/** The server for people, of what `VERSION()` gives. */
export const serverName = (version: string): string =>
  `${/mariadb/i.test(version) ? "MariaDB" : "MySQL"} ${version.replace(/-MariaDB\b/i, "")}`;
