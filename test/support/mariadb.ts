import { describe, inject, test as baseTest } from "vitest";
import {
  MARIADB_VERSIONS,
  mariadbAt,
  privateMariadb,
  type MariadbUrls,
  type MariadbVersion,
} from "./mariadb-servers.ts";
import type { PrivateMysql } from "./test-mysql.ts";

/*
 * MariaDB for tests, in every version that we follow:
 *
 *   eachMariadb((test) => {
 *     test("reads a table", async ({ database }) => { ... });
 *   });
 *
 * `database` is a new database of the test's own on the server of that version that all tests share; `mariadb` is
 * that server, and `startMariadb(flags)` starts another one, as in `mysql.ts`. Unlike there nothing is skipped: who
 * runs this project means it.
 */

declare module "vitest" {
  interface ProvidedContext {
    mariadb: MariadbUrls;
  }
}

export type MariadbTest = ReturnType<typeof testOf>;

export function eachMariadb(body: (test: MariadbTest, version: MariadbVersion) => void): void {
  describe.each(MARIADB_VERSIONS)("MariaDB %s", (version) => {
    body(testOf(version), version);
  });
}

const testOf = (version: MariadbVersion) =>
  baseTest
    .extend("mariadb", () => mariadbAt(inject("mariadb")[version]))
    .extend("database", async ({ mariadb }, { onCleanup }) => {
      const database = await mariadb.database();
      onCleanup(() => database[Symbol.asyncDispose]());
      return database;
    })
    .extend(
      "startMariadb",
      () =>
        (flags: readonly string[] = []): Promise<PrivateMysql> =>
          privateMariadb(version, flags),
    );
