import { inject, test as baseTest } from "vitest";
import { missingMysql, startSharedMysql, type SharedMysql } from "./mysql-shared.ts";
import { privateServer, TestMysql, type PrivateMysql } from "./test-mysql.ts";

/*
 * MySQL for tests. `mysqlTest` is vitest's `test` with fixtures:
 *
 *   mysqlTest("reads a table", async ({ database }) => {
 *     await database.run("CREATE TABLE t (id INT PRIMARY KEY)");
 *   });
 *
 * `database` is a new database of the test's own on the server that all tests share, with a
 * connection to it, dropped when the test ends. `mysql` is that server. `startMysql(flags)` starts
 * another one, for tests that need settings of their own, restarts or a binlog that nobody else
 * writes to. Where no server can be had the tests are skipped with the reason; under CI they fail.
 *
 * The shared server is the one of TEST_MYSQL_URL (its user may do everything), or that of the global
 * setup, or, when the project has no global setup, one that this worker starts and that ends with it.
 */

declare module "vitest" {
  interface ProvidedContext {
    mysql: SharedMysql | undefined;
  }
}

let ofThisWorker: Promise<SharedMysql> | null = null;

/**
 * The server that tests share.
 *
 * @throws SyncError (SETUP) when there is none; prefer the fixtures, which skip then.
 */
export async function mysqlForTests(): Promise<TestMysql> {
  const shared = await sharedMysql();
  if ("missing" in shared) throw new Error(`no MySQL for this test: ${shared.missing}`);
  return new TestMysql(shared.url);
}

async function sharedMysql(): Promise<SharedMysql> {
  const provided = inject("mysql");
  if (provided !== undefined) return provided;
  ofThisWorker ??= startSharedMysql().then(({ shared }) => shared);
  return ofThisWorker;
}

export const mysqlTest = baseTest
  .extend("mysql", async ({ skip }) => {
    const shared = await sharedMysql();
    if ("missing" in shared) return skip(`no MySQL: ${shared.missing}`);
    return new TestMysql(shared.url);
  })
  .extend("database", async ({ mysql }, { onCleanup }) => {
    const database = await mysql.database();
    onCleanup(() => database[Symbol.asyncDispose]());
    return database;
  })
  .extend(
    "startMysql",
    ({ skip }) =>
      async (...args: Parameters<typeof privateServer>): Promise<PrivateMysql> => {
        const missing = await missingMysql();
        return missing === null ? privateServer(...args) : skip(`no MySQL: ${missing}`);
      },
  );
