/**
 * Grants are found out by trying, because reading them is guesswork: they come by roles, by levels, with
 * partial revokes, and the server is the one that knows. Each trial is a statement that needs just that grant.
 */
import { isSyncError } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId, quoteMysql, quoteMysqlTable } from "../types/table-id.ts";
import { readAccount } from "./account.ts";
import type { MysqlConnection } from "./connection.ts";
import type { TableFacts } from "./table-facts.ts";

/** Problems of the grants on the whole server. */
export async function serverGrantProblems(connection: MysqlConnection): Promise<readonly Problem[]> {
  const user = await readAccount(connection);
  const missing: Problem[] = [];
  for (const { grant, lack, isGiven } of connection.dialect.grants) {
    if (await isGiven(connection)) continue;
    missing.push(
      grantProblem(`${user.shown} lacks ${grant}: ${lack}`, `GRANT ${grant} ON *.* TO ${user.quoted};`),
    );
  }
  if ((await connection.dialect.readOpenXa(connection)) === null) {
    missing.push(
      grantProblem(
        `${user.shown} lacks XA_RECOVER_ADMIN: prepared XA transactions are not seen, and a snapshot would lose their rows`,
        `GRANT XA_RECOVER_ADMIN ON *.* TO ${user.quoted};`,
      ),
    );
  }
  return missing;
}

/**
 * Tables that the user may not read in full. With a grant on single columns the catalogue shows only those:
 * SHOW CREATE TABLE is the statement that wants a grant on the table itself.
 */
export async function tableGrantProblems(
  connection: MysqlConnection,
  tables: readonly TableFacts[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { id, columns } of tables) {
    const table = quoteMysqlTable(id);
    const list = columns.map((column) => quoteMysql(column.name)).join(", ");
    const isWhole = !(await isDenied(connection, `SHOW CREATE TABLE ${table}`));
    if (isWhole && !(await isDenied(connection, `SELECT ${list} FROM ${table} LIMIT 0`))) continue;
    const user = await readAccount(connection);
    const what = isWhole ? "SELECT" : "SELECT on all columns";
    problems.push({
      ...grantProblem(
        `${user.shown} lacks ${what} of ${formatTableId(id)}`,
        `GRANT SELECT ON ${table} TO ${user.quoted};`,
      ),
      table: id,
    });
  }
  return problems;
}

export async function isDenied(connection: MysqlConnection, statement: string): Promise<boolean> {
  try {
    await connection.query(statement);
    return false;
  } catch (error) {
    if (isSyncError(error, "SOURCE_GRANT_MISSING")) return true;
    throw error;
  }
}

const grantProblem = (message: string, hint: string): Problem => ({
  code: "SOURCE_GRANT_MISSING",
  table: null,
  message,
  hint,
  severity: "error",
});
