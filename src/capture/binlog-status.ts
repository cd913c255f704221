import type { BinlogOffset } from "../types/source-position.ts";
import { syncError } from "../types/errors.ts";
import type { TextRow } from "./text-row.ts";

/** The end of the binlog, and the databases that it is limited to. */
export interface BinlogStatus {
  readonly end: BinlogOffset;
  /** `binlog-do-db`: empty means all. */
  readonly doDatabases: readonly string[];
  /** `binlog-ignore-db`. */
  readonly ignoreDatabases: readonly string[];
}

/**
 * What the server shows of its binlog.
 * @throws SyncError SOURCE_BINLOG_OFF
 */
export function binlogStatusOf([row]: readonly TextRow[]): BinlogStatus {
  const [file, offset, doDatabases, ignoreDatabases] = row ?? [];
  if (typeof file !== "string" || typeof offset !== "string") {
    throw syncError("SOURCE_BINLOG_OFF", "the source writes no binlog", {
      hint: "remove skip-log-bin from the server's configuration, set log-bin, and restart it; what was written meanwhile is in no binlog: `tallylake report --deep` shows it",
    });
  }
  return {
    end: { file, offset: Number(offset) },
    doDatabases: names(doDatabases),
    ignoreDatabases: names(ignoreDatabases),
  };
}

const names = (list: string | null | undefined): readonly string[] =>
  list === null || list === undefined || list === "" ? [] : list.split(",");
