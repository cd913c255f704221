import { isSyncError, syncError } from "../types/errors.ts";
import { GtidSet } from "../types/gtid.ts";
import { REPLICATION_CLIENT, withGrant } from "./account.ts";
import { binlogStatusOf, type BinlogStatus } from "./binlog-status.ts";
import type { MysqlConnection } from "./connection.ts";
import type { Dialect } from "./dialect.ts";
import { errnoOf } from "./driver-error.ts";
import { isDenied } from "./grants.ts";
import type { ServerHistory } from "./history.ts";
import { isAtLeast, parseServerVersion } from "./server-number.ts";
import { MYSQL_SETTINGS } from "./server-settings.ts";
import { SESSION_STATEMENTS } from "./session-settings.ts";
import { xidTexts, type LowWatermark } from "./watermark.ts";

/** See `dialect.ts`. */
export const MYSQL: Dialect = {
  name: "MySQL",
  sessionStatements: SESSION_STATEMENTS,
  settings: MYSQL_SETTINGS,
  indexVisibility: "IS_VISIBLE",
  collationQuery: "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS",
  // The way by JSON is the one without a limit: a plain CAST leaves digits out where the text would be longer than
  // 22 characters.
  doubleText: (name) => `CAST(CAST(${name} * 1e0 AS JSON) AS CHAR)`,
  grants: [
    {
      grant: "REPLICATION CLIENT",
      lack: "the position of the binlog is not known",
      isGiven: async (connection) => !(await isDenied(connection, statusStatement(connection))),
    },
    {
      grant: "REPLICATION SLAVE",
      lack: "the binlog cannot be read",
      isGiven: async (connection) => {
        const statement = isServer(connection, [8, 0, 22]) ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS";
        return !(await isDenied(connection, statement));
      },
    },
  ],
  readBinlogStatus,
  readLowWatermark,
  readIdentity: async (connection) => (await connection.query("SELECT @@server_uuid"))[0]?.[0] ?? "",
  readHistory,
  awaitExecuted: async (connection, gtids, waitMs) => {
    await connection.query("SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", [gtids.toString(), waitMs / 1000]);
  },
  readOpenXa,
};

const isServer = (connection: MysqlConnection, wanted: readonly [number, number, number]): boolean =>
  isAtLeast(parseServerVersion(connection.version), wanted);

const statusStatement = (connection: MysqlConnection): string =>
  isServer(connection, [8, 2, 0]) ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";

function readBinlogStatus(connection: MysqlConnection): Promise<BinlogStatus> {
  return withGrant(connection, REPLICATION_CLIENT, async () =>
    binlogStatusOf(await connection.query(statusStatement(connection))),
  );
}

async function readLowWatermark(connection: MysqlConnection): Promise<LowWatermark> {
  const { end } = await readBinlogStatus(connection);
  const [row] = await connection.query("SELECT @@GLOBAL.gtid_executed");
  return { gtids: GtidSet.parse(row?.[0] ?? ""), binlog: end };
}

async function readHistory(connection: MysqlConnection): Promise<Omit<ServerHistory, "openXa">> {
  const [row] = await connection.query(
    "SELECT @@server_uuid, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged, @@GLOBAL.gtid_mode",
  );
  const [uuid, executed, purged, mode] = row ?? [];
  if (mode !== "ON") {
    throw syncError("SOURCE_SETTING", `gtid_mode is ${mode ?? "unknown"}: positions are GTIDs`, {
      hint: "SET PERSIST gtid_mode = ON; if transactions without GTID were written meanwhile, take the snapshot again",
    });
  }
  return {
    serverUuid: uuid ?? "",
    executed: GtidSet.parse(executed ?? ""),
    purged: GtidSet.parse(purged ?? ""),
  };
}

/** `XAER_RMERR`, which is all that XA RECOVER says to a user without XA_RECOVER_ADMIN. */
const XA_RECOVER_DENIED = 1401;

async function readOpenXa(connection: MysqlConnection): Promise<readonly string[] | null> {
  try {
    const rows = await connection.query("XA RECOVER CONVERT XID");
    return xidTexts(rows, (data) => data.replace(/^0x/i, ""));
  } catch (error) {
    if (isSyncError(error) && errnoOf(error.cause) === XA_RECOVER_DENIED) return null;
    throw error;
  }
}
