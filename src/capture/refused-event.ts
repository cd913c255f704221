import { syncError, type ErrorCode } from "../types/errors.ts";
import { EVENT, type EventHeader } from "./binlog-event.ts";

interface Refusal {
  readonly what: string;
  readonly hint: string;
  readonly code: ErrorCode;
}

const STATEMENT: Refusal = {
  code: "BINLOG_STATEMENT",
  what: "a change by statement, not by row events (binlog_format),",
  hint: "SET GLOBAL binlog_format = 'ROW' on the source, then take the snapshot again",
};

const REFUSED: ReadonlyMap<number, Refusal> = new Map<number, Refusal>([
  [EVENT.intvar, STATEMENT],
  [EVENT.rand, STATEMENT],
  [EVENT.userVar, STATEMENT],
  [EVENT.beginLoadQuery, STATEMENT],
  [EVENT.executeLoadQuery, STATEMENT],
  [
    EVENT.incident,
    {
      code: "BINLOG_INCIDENT",
      what: "an INCIDENT event: the server lost events",
      hint: "take the snapshot of all tables again: remove their folders from the lake and run `tallylake init`",
    },
  ],
  [
    EVENT.partialRows,
    {
      code: "BINLOG_EVENT_UNKNOWN",
      what: "a part of a row event (MariaDB 12.3 and later)",
      hint: "this version reads whole ones: have the source write row events in one piece, then take the snapshot again",
    },
  ],
  [
    EVENT.anonymousGtid,
    {
      code: "BINLOG_GTID",
      what: "a transaction without GTID",
      hint: "SET GLOBAL gtid_mode = ON on the source (step by step), then take the snapshot again",
    },
  ],
]);

/**
 * The error for an event that this version does not read, by name where it has one. An event that the server
 * flags as ignorable is not among them: that is its own rule for replicas.
 */
export function refusedEvent(header: EventHeader, file: string): Error {
  const known = REFUSED.get(header.type);
  const what = known?.what ?? `an event of type ${header.type}`;
  return syncError(
    known?.code ?? "BINLOG_EVENT_UNKNOWN",
    `the binlog holds ${what} before ${file}:${header.endOffset}`,
    {
      hint:
        known?.hint ??
        "this version cannot read it: leave the feature off on the source, then take the snapshot again",
    },
  );
}
