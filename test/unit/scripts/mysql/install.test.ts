import { expect, test } from "vitest";
import { versionNote } from "../../../../scripts/mysql/install.ts";

test.each(["9.7.0-1", "9.7.4-2", "9.7.12-1~exp1"])("%s is known", (version) => {
  expect(versionNote(version)).toBeNull();
});

test.each(["9.70.0-1", "9.8.0-1", "10.9.7-1", "8.4.7-1"])("%s is not", (version) => {
  expect(versionNote(version)).toBe(
    `note: Debian's MySQL is now ${version}, while tallylake is tested with 9.7`,
  );
});
