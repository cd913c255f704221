import { isSyncError, syncError } from "../types/errors.ts";
import { formatTableId, quoteMysql, quoteMysqlTable, type TableId } from "../types/table-id.ts";
import type { MysqlConnection } from "./connection.ts";

/** The account that the server took the user of source.url for, in two forms. */
export interface Account {
  readonly shown: string;
  /** As GRANT takes it. */
  readonly quoted: string;
}

export async function readAccount(connection: MysqlConnection): Promise<Account> {
  const [row] = await connection.query("SELECT CURRENT_USER()");
  const shown = row?.[0] ?? "";
  const at = shown.lastIndexOf("@");
  return { shown, quoted: `${quoteMysql(shown.slice(0, at))}@${quoteMysql(shown.slice(at + 1))}` };
}

/** A grant that a statement of ours needs. */
export interface Grant {
  /** As GRANT takes it, without the account. */
  readonly statement: string;
  /** What the account lacks without it, and what follows from that. */
  readonly lack: string;
}

export const REPLICATION_CLIENT: Grant = {
  statement: "GRANT REPLICATION CLIENT ON *.*",
  lack: "REPLICATION CLIENT: the position of the binlog is not known",
};

export const selectGrant = (id: TableId): Grant => ({
  statement: `GRANT SELECT ON ${quoteMysqlTable(id)}`,
  lack: `SELECT on ${formatTableId(id)}`,
});

/** Does what needs the grant. A refusal of the server names no statement that would mend it; this error does. */
export async function withGrant<T>(
  connection: MysqlConnection,
  { statement, lack }: Grant,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isSyncError(error, "SOURCE_GRANT_MISSING")) throw error;
    const { shown, quoted } = await readAccount(connection);
    throw syncError("SOURCE_GRANT_MISSING", `${shown} lacks ${lack}`, {
      hint: `${statement} TO ${quoted};`,
      cause: error,
    });
  }
}
