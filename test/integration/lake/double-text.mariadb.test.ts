import { MARIADB } from "../../../src/capture/mariadb/dialect.ts";
import { expectSameDoubles } from "../../support/double-texts.ts";
import { eachMariadb } from "../../support/mariadb.ts";

eachMariadb((test, version) => {
  test("a double has the same text in MariaDB's SQL and in DuckDB's", async ({ database }) => {
    // Up to 10.11 it stores a plain zero in place of the one with a sign.
    await expectSameDoubles(database, MARIADB, (value) => version !== "10.11" || value !== "-0");
  });
});
