import type { GtidSet } from "../types/gtid.ts";
import type { BinlogOffset } from "../types/source-position.ts";
import type { MysqlConnection } from "./connection.ts";

/** Where the source stands now. */
export interface SourceFacts {
  readonly version: string;
  readonly serverUuid: string;
  readonly executedGtids: GtidSet;
  /** Transactions whose binlog is gone. */
  readonly purgedGtids: GtidSet;
  readonly binlogEnd: BinlogOffset;
  readonly oldestBinlog: string | null;
  /** Of all binlogs that are there. */
  readonly binlogBytes: number;
}

/** Needs REPLICATION CLIENT. */
export async function readSourceFacts(connection: MysqlConnection): Promise<SourceFacts> {
  const { end } = await connection.dialect.readBinlogStatus(connection);
  const logs = await connection.query("SHOW BINARY LOGS");
  const { serverUuid, executed, purged } = await connection.dialect.readHistory(connection);
  return {
    version: connection.version,
    serverUuid,
    executedGtids: executed,
    purgedGtids: purged,
    binlogEnd: end,
    oldestBinlog: logs[0]?.[0] ?? null,
    binlogBytes: logs.reduce((sum, log) => sum + Number(log[1] ?? 0), 0),
  };
}
