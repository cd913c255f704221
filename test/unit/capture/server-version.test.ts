import { expect, test } from "vitest";
import {
  isAtLeast,
  parseServerVersion,
  requireSupportedServer,
} from "../../../src/capture/server-version.ts";
import { SyncError } from "../../../src/util/errors.ts";

test("versions compare by number", () => {
  expect(parseServerVersion("8.0.30-0ubuntu0.22.04.1")).toEqual([8, 0, 30]);
  expect(parseServerVersion("9.7.4-2")).toEqual([9, 7, 4]);
  expect(parseServerVersion("garbage")).toEqual([0, 0, 0]);
  expect(isAtLeast([8, 0, 30], [8, 0, 22])).toBe(true);
  expect(isAtLeast([8, 0, 9], [8, 0, 22])).toBe(false);
  expect(isAtLeast([10, 0, 0], [9, 9, 9])).toBe(true);
  expect(isAtLeast([8, 2, 0], [8, 2, 0])).toBe(true);
  expect(isAtLeast([8, 1, 9], [8, 2, 0])).toBe(false);
});

function refusal(version: string): string | null {
  try {
    requireSupportedServer(version);
    return null;
  } catch (error) {
    if (error instanceof SyncError && error.code === "SOURCE_NOT_SUPPORTED") return error.message;
    throw error;
  }
}

test("MySQL from 8.0 is supported, MariaDB is refused by its name", () => {
  expect(refusal("8.0.0")).toBeNull();
  expect(refusal("8.4.3")).toBeNull();
  expect(refusal("9.7.4-2")).toBeNull();
  expect(refusal("5.7.44-log")).toBe("the source is MySQL 5.7.44-log, which is too old to follow");
  expect(refusal("10.11.19-MariaDB-deb12")).toBe(
    "the source is MariaDB 10.11.19-MariaDB-deb12, which this version does not follow",
  );
  expect(refusal("5.5.5-10.6.1-mariadb")).toBe(
    "the source is MariaDB 5.5.5-10.6.1-mariadb, which this version does not follow",
  );
});
