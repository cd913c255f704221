import { expect, test } from "vitest";
import { isAtLeast, parseServerVersion } from "../../../src/capture/server-number.ts";
import { dialectOf } from "../../../src/capture/server-version.ts";
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

function dialectName(version: string): string {
  try {
    return dialectOf(version).name;
  } catch (error) {
    if (error instanceof SyncError && error.code === "SOURCE_NOT_SUPPORTED") return error.message;
    throw error;
  }
}

test("MySQL from 8.0, and MariaDB 10.11 to 11.4, are supported", () => {
  expect(["8.0.0", "8.4.3", "9.7.4-2"].map(dialectName)).toEqual(["MySQL", "MySQL", "MySQL"]);
  expect(dialectName("5.7.44-log")).toBe("the source is MySQL 5.7.44-log, which is too old to follow");
  expect(["10.11.0-MariaDB", "5.5.5-10.11.19-MariaDB-deb12", "11.4.5-mariadb-log"].map(dialectName)).toEqual([
    "MariaDB",
    "MariaDB",
    "MariaDB",
  ]);
  expect(dialectName("5.5.5-10.6.1-mariadb")).toBe(
    "the source is MariaDB 10.6.1-mariadb, which is too old to follow",
  );
  expect(dialectName("11.8.2-MariaDB")).toBe(
    "the source is MariaDB 11.8.2-MariaDB, which is newer than this version knows",
  );
});
