import { syncError } from "../types/errors.ts";

/** What the server cannot have meant: the wire or a disk has changed it, and another reading may be whole. */
export function corrupt(what: string, cause?: unknown): Error {
  return syncError("BINLOG_EVENT_CORRUPT", `the binlog stream is damaged: ${what}`, {
    hint: "the event is read again by itself; if it stays damaged, compare with `mysqlbinlog --verify-binlog-checksum` on the server",
    ...(cause === undefined ? {} : { cause }),
  });
}
