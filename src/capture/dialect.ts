/**
 * What MySQL and MariaDB are asked in different words. It is chosen once, when a session is opened, and travels with
 * it: nothing else asks which of the two a server is. Their events need no choice, because none of their numbers
 * means one thing to the one and another to the other.
 */
import type { GtidSet } from "../types/gtid.ts";
import type { BinlogStatus } from "./binlog-status.ts";
import type { MysqlConnection } from "./connection.ts";
import type { ServerHistory } from "./history.ts";
import type { SettingRules } from "./server-settings.ts";
import type { LowWatermark } from "./watermark.ts";

export interface Dialect {
  readonly name: "MySQL" | "MariaDB";
  /** They pin a session, in order. */
  readonly sessionStatements: readonly string[];
  readonly settings: SettingRules;
  /** Gives the number of each collation and the character set that it belongs to. */
  readonly collationQuery: string;
  /** Of an index in STATISTICS: NO when queries do not use it. */
  readonly indexVisibility: string;
  /** All digits of a FLOAT or DOUBLE as `types/row-digest.ts` wants them, the former as the double that it is. */
  readonly doubleText: (name: string) => string;
  /** Grants on the whole server. */
  readonly grants: readonly NeededGrant[];
  /** Needs the grant to see the binlog's position. */
  readBinlogStatus(connection: MysqlConnection): Promise<BinlogStatus>;
  readLowWatermark(connection: MysqlConnection): Promise<LowWatermark>;
  /** What tells this server from another one at the same address. */
  readIdentity(connection: MysqlConnection): Promise<string>;
  /** @throws SyncError SOURCE_SETTING when the server cannot be asked by GTIDs any more */
  readHistory(connection: MysqlConnection): Promise<Omit<ServerHistory, "openXa">>;
  /** Waits until these count as executed, or the time is over. */
  awaitExecuted(connection: MysqlConnection, gtids: GtidSet, waitMs: number): Promise<void>;
  /**
   * Transactions between XA PREPARE and their end, each as the text that XA COMMIT takes. Null when the account may
   * not see them.
   */
  readOpenXa(connection: MysqlConnection): Promise<readonly string[] | null>;
}

export interface NeededGrant {
  readonly grant: string;
  /** What is not possible without it. */
  readonly lack: string;
  readonly isGiven: (connection: MysqlConnection) => Promise<boolean>;
}
