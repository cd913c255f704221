import { MYSQL } from "../../../src/capture/mysql-dialect.ts";
import { expectSameDoubles } from "../../support/double-texts.ts";
import { mysqlTest as test } from "../../support/mysql.ts";

test("a double has the same text in MySQL's SQL and in DuckDB's", async ({ database }) => {
  await expectSameDoubles(database, MYSQL);
});
