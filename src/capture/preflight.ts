import net from "node:net";
import { isSyncError } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import type { TablePattern } from "../types/table-pattern.ts";
import { readAccount, type Account } from "./account.ts";
import type { MysqlConnection } from "./connection.ts";
import { serverGrantProblems, tableGrantProblems } from "./grants.ts";
import { discoverTables, readTables } from "./schema-reader.ts";
import { checkedVariables, settingProblems, type ServerVariables } from "./server-settings.ts";
import type { TableFacts } from "./table-facts.ts";
import { absentTable, filterProblems, tableProblems, type ChoicesOf } from "./table-problems.ts";

export interface Preflight {
  /** All that is wrong, errors and warnings, in the order of the checks. */
  readonly problems: readonly Problem[];
  /** The tables that are meant, also those with problems. */
  readonly tables: readonly TableFacts[];
  /** Whom a grant that is missing must be given to. */
  readonly account: Account;
}

export interface PreflightOptions {
  readonly include: readonly TablePattern[];
  readonly exclude: readonly TablePattern[];
  /** Host of the source, as in the config. */
  readonly host: string;
  readonly choices: ChoicesOf;
}

/**
 * Looks at everything that can be known before the first row is read, and lists all problems at once. What a
 * session can change afterwards is checked again in each event. Not seen from here: another reader with our
 * server id, tables written with `sql_log_bin = 0`, and values that only the lake refuses (a table whose key
 * is one string column cannot keep the empty string, because a Hudi record key cannot be empty).
 */
export async function preflight(connection: MysqlConnection, options: PreflightOptions): Promise<Preflight> {
  const account = await readAccount(connection);
  const variables = await readVariables(connection);
  const found = await discoverTables(connection, options);
  const ids = [...found.tables, ...found.views];
  const facts = await readTables(connection, ids);
  const tables = ids.flatMap((id) => facts.get(tableKey(id)) ?? []);
  const base = tables.filter(({ kind }) => kind === "table" || kind === "versioned");
  const problems = [
    ...transportProblems(connection, options.host),
    ...settingProblems(variables, connection.dialect.settings),
    ...(await serverGrantProblems(connection)),
    ...(await openXaProblems(connection)),
    ...patternProblems(found.unmatched, ids.length, account),
    ...(await tableGrantProblems(connection, base)),
    ...(await binlogFilterProblems(connection, base)),
    ...tables.flatMap((table) => tableProblems(table, variables, options.choices(table.id))),
  ];
  return { problems, tables, account };
}

async function readVariables(connection: MysqlConnection): Promise<ServerVariables> {
  const names = checkedVariables(connection.dialect.settings);
  const marks = names.map(() => "?").join(", ");
  const rows = await connection.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${marks})`, names);
  return new Map(rows.map(([name, value]) => [(name ?? "").toLowerCase(), value ?? ""]));
}

function transportProblems(connection: MysqlConnection, host: string): readonly Problem[] {
  if (connection.encrypted || isLoopback(host)) return [];
  return [
    {
      code: "SOURCE_TLS",
      table: null,
      message: `the connection to ${host} is not encrypted: rows and the login cross the network in the clear`,
      hint: "set source.tls to `verify`",
      severity: "warning",
    },
  ];
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (net.isIPv4(host) && host.startsWith("127."));

async function openXaProblems(connection: MysqlConnection): Promise<readonly Problem[]> {
  const open = await connection.dialect.readOpenXa(connection);
  if (open === null || open.length === 0) return [];
  return [
    {
      code: "SOURCE_XA_OPEN",
      table: null,
      message: `${open.length} prepared XA transactions are open, and a snapshot waits for their end: ${open.join("; ")}`,
      hint: "XA COMMIT or XA ROLLBACK each of them by its xid",
      severity: "warning",
    },
  ];
}

function patternProblems(
  unmatched: readonly TablePattern[],
  tableCount: number,
  account: Account,
): readonly Problem[] {
  return unmatched.map((pattern) => {
    const id = namedTable(pattern);
    if (id !== null) return absentTable(id, account);
    return {
      code: "SOURCE_NO_TABLES",
      table: null,
      message: `no table that this user may see matches ${pattern.text}`,
      hint: `correct the pattern, or grant SELECT on its tables: GRANT SELECT ON … TO ${account.quoted};`,
      severity: tableCount === 0 ? "error" : "warning",
    };
  });
}

/** The table that a pattern without wildcards names. */
function namedTable(pattern: TablePattern): TableId | null {
  if (pattern.text.startsWith("/") || /[*?]/.test(pattern.text)) return null;
  const dot = pattern.text.indexOf(".");
  return { database: pattern.text.slice(0, dot), table: pattern.text.slice(dot + 1) };
}

async function binlogFilterProblems(
  connection: MysqlConnection,
  tables: readonly TableFacts[],
): Promise<readonly Problem[]> {
  try {
    const status = await connection.dialect.readBinlogStatus(connection);
    return filterProblems(
      tables.map((table) => table.id),
      status,
    );
  } catch (error) {
    // Both are reported by the checks of the settings and the grants.
    if (isSyncError(error, "SOURCE_GRANT_MISSING") || isSyncError(error, "SOURCE_BINLOG_OFF")) return [];
    throw error;
  }
}
