import type { BinlogOffset } from "../types/source-position.ts";
import { syncError } from "../types/errors.ts";
import { REPLICATION_CLIENT, withGrant } from "./account.ts";
import type { MysqlConnection } from "./connection.ts";
import { isAtLeast, parseServerVersion } from "./server-version.ts";

/** The end of the binlog, and the databases that it is limited to. */
export interface BinlogStatus {
  readonly end: BinlogOffset;
  /** `binlog-do-db`: empty means all. */
  readonly doDatabases: readonly string[];
  /** `binlog-ignore-db`. */
  readonly ignoreDatabases: readonly string[];
  readonly executedGtids: string;
}

/**
 * Needs REPLICATION CLIENT.
 * @throws SyncError SOURCE_BINLOG_OFF, SOURCE_GRANT_MISSING
 */
export async function readBinlogStatus(connection: MysqlConnection): Promise<BinlogStatus> {
  const version = parseServerVersion(connection.version);
  const statement = isAtLeast(version, [8, 2, 0]) ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
  const [row] = await withGrant(connection, REPLICATION_CLIENT, () => connection.query(statement));
  const [file, offset, doDatabases, ignoreDatabases, gtids] = row ?? [];
  if (typeof file !== "string" || typeof offset !== "string") {
    throw syncError("SOURCE_BINLOG_OFF", "the source writes no binlog", {
      hint: "remove skip-log-bin from the server's configuration, set log-bin, and restart it; what was written meanwhile is in no binlog: `tallylake report --deep` shows it",
    });
  }
  return {
    end: { file, offset: Number(offset) },
    doDatabases: names(doDatabases),
    ignoreDatabases: names(ignoreDatabases),
    executedGtids: (gtids ?? "").replaceAll("\n", ""),
  };
}

const names = (list: string | null | undefined): readonly string[] =>
  list === null || list === undefined || list === "" ? [] : list.split(",");
