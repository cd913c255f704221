/**
 * MariaDB as a source: see `../dialect.ts`.
 *
 * It has no GTID set of what is visible. `@@gtid_binlog_pos` and `@@gtid_current_pos` are ahead of what a SELECT
 * sees, as the end of the binlog is: the binlog is written before the engine makes a commit visible. What does agree
 * is a read view and the position that `START TRANSACTION WITH CONSISTENT SNAPSHOT` notes with it, under the
 * same locks. A later read sees that much and more, so this position is the low watermark.
 *
 * A server has no UUID either. `@@server_uid` is made of a network card and a port, and is another one in the next
 * container, so `@@server_id` says who it is: servers that replicate to each other have different ones. That a
 * stranger has the same is seen by the history, which every connect compares (`../history.ts`).
 */
import { syncError } from "../../types/errors.ts";
import { GtidSet } from "../../types/gtid.ts";
import { withGrant, type Grant } from "../account.ts";
import { binlogStatusOf, type BinlogStatus } from "../binlog-status.ts";
import type { MysqlConnection } from "../connection.ts";
import type { Dialect } from "../dialect.ts";
import { isDenied } from "../grants.ts";
import type { ServerHistory } from "../history.ts";
import { xidTexts, type LowWatermark } from "../watermark.ts";
import { MARIADB_SETTINGS } from "./server-settings.ts";
import { SESSION_STATEMENTS } from "./session-settings.ts";

const BINLOG_MONITOR: Grant = {
  statement: "GRANT BINLOG MONITOR ON *.*",
  lack: "BINLOG MONITOR: the position of the binlog is not known",
};

export const MARIADB: Dialect = {
  name: "MariaDB",
  sessionStatements: SESSION_STATEMENTS,
  settings: MARIADB_SETTINGS,
  indexVisibility: "IF(IGNORED = 'YES', 'NO', 'YES')",
  // In COLLATIONS those of uca1400 have neither a number nor a character set, since one name stands for several.
  collationQuery:
    "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IS NOT NULL",
  // A whole number has neither a point nor an exponent.
  doubleText: (name) => `CONCAT(${name} * 1e0, IF(CAST(${name} * 1e0 AS CHAR) REGEXP '[.e]', '', '.0'))`,
  grants: [
    {
      grant: "BINLOG MONITOR",
      lack: "the position of the binlog is not known",
      isGiven: async (connection) => !(await isDenied(connection, "SHOW MASTER STATUS")),
    },
    { grant: "REPLICATION SLAVE", lack: "the binlog cannot be read", isGiven: mayReadBinlog },
  ],
  readBinlogStatus,
  readLowWatermark,
  readIdentity,
  readHistory,
  // What was sent is in the state of the binlog.
  awaitExecuted: () => Promise.resolve(),
  readOpenXa: async (connection) =>
    xidTexts(await connection.query("XA RECOVER"), (data) => Buffer.from(data, "utf8").toString("hex")),
};

const REPLICATION_GRANT =
  /^GRANT (?:[^`']*\b)?(?:REPLICATION (?:SLAVE|REPLICA)|ALL PRIVILEGES)\b[^`']* ON \*\.\* /;

/** No statement needs this grant, only the reading itself. The list has the grants of active roles as well. */
async function mayReadBinlog(connection: MysqlConnection): Promise<boolean> {
  const rows = await connection.query("SHOW GRANTS");
  return rows.some(([grant]) => REPLICATION_GRANT.test(grant ?? ""));
}

async function readIdentity(connection: MysqlConnection): Promise<string> {
  const [row] = await connection.query("SELECT @@GLOBAL.server_id");
  return `server-id:${row?.[0] ?? ""}`;
}

function readBinlogStatus(connection: MysqlConnection): Promise<BinlogStatus> {
  return withGrant(connection, BINLOG_MONITOR, async () =>
    binlogStatusOf(await connection.query("SHOW MASTER STATUS")),
  );
}

async function readLowWatermark(connection: MysqlConnection): Promise<LowWatermark> {
  await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  const rows = await connection.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  await connection.query("COMMIT");
  const noted = new Map(rows.map(([name, value]) => [(name ?? "").toLowerCase(), value ?? ""]));
  const file = noted.get("binlog_snapshot_file") ?? "";
  const offset = Number(noted.get("binlog_snapshot_position"));
  if (file === "" || !Number.isSafeInteger(offset) || offset === 0) {
    throw syncError("SOURCE_BINLOG_OFF", "the source notes no place in its binlog for a read view", {
      hint: "set log-bin in the server's configuration, and restart it",
    });
  }
  return { gtids: await gtidsAt(connection, file, offset), binlog: { file, offset } };
}

/** What comes before a place in the binlog. */
async function gtidsAt(connection: MysqlConnection, file: string, offset: number): Promise<GtidSet> {
  const [row] = await connection.query("SELECT BINLOG_GTID_POS(?, ?)", [file, offset]);
  const gtids = row?.[0];
  if (typeof gtids === "string") return GtidSet.parse(gtids);
  throw syncError("SOURCE_PURGED", `the binlog ${file} went away while a place in it was looked up`, {
    hint: "start again, and raise binlog_expire_logs_seconds, so that the binlog covers a snapshot",
  });
}

async function readHistory(connection: MysqlConnection): Promise<Omit<ServerHistory, "openXa">> {
  const serverUuid = await readIdentity(connection);
  const logs = await withGrant(connection, BINLOG_MONITOR, () => connection.query("SHOW BINARY LOGS"));
  const oldest = logs[0]?.[0];
  if (typeof oldest !== "string") binlogStatusOf([]);
  const purged = await gtidsAt(connection, oldest ?? "", BINLOG_HEAD_BYTES);
  // Each server of each domain; a position has the newest of a domain.
  const [row] = await connection.query("SELECT @@GLOBAL.gtid_binlog_state");
  return { serverUuid, executed: GtidSet.parse(row?.[0] ?? ""), purged };
}

/** Where the first event of a file begins. */
const BINLOG_HEAD_BYTES = 4;
