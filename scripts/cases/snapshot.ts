import type { CaseSection } from "./case.ts";

/** The first commit of a table, while it changes. */
export const SNAPSHOT_CASES: CaseSection = {
  title: "E: snapshot",
  isComplete: false,
  cases: [
    { id: "E155", title: "many writers while chunks are read" },
    {
      id: "E156",
      title: "a lock that is let go before the read view is there",
      refusal: "no lock is ever taken: the marks before and behind the chunks stand in its place",
    },
    { id: "E157", title: "rows of a chunk that change or go while it is read" },
    { id: "E158", title: "rows whose keys move them from one chunk to another" },
    { id: "E159", title: "chunks by another column than the key" },
    { id: "E160", title: "keys with wide gaps" },
    { id: "E161", title: "keys of text" },
    { id: "E162", title: "keys of bytes and of several columns" },
    {
      id: "E163",
      title: "NULL in the column that chunks go by",
      refusal: "chunks go by the primary key, which has none; a table without one is refused",
      code: "TABLE_NO_PRIMARY_KEY",
    },
    { id: "E164", title: "tables without rows, or with one" },
    { id: "E165", title: "rows of 10 MB" },
    { id: "E166", title: "a snapshot that is killed at any step" },
    { id: "E167", title: "a transaction that holds the table for long" },
    { id: "E168", title: "a read view that stays open for hours" },
    { id: "E169", title: "a connection that waits for longer than the server lets it" },
    {
      id: "E170",
      title: "a snapshot from a replica that lags, and the stream from its source",
      refusal: "both come from one server, which is known by its UUID",
      code: "SOURCE_CHANGED",
    },
    { id: "E171", title: "tables and columns that the user may not read" },
    { id: "E172", title: "another isolation level than the snapshot needs" },
    { id: "E173", title: "binlogs that go before the snapshot has ended" },
    { id: "E174", title: "a table that is added later" },
    { id: "E175", title: "10,000 tables" },
    { id: "E176", title: "XA transactions that were prepared before" },
    { id: "E177", title: "settings of the session that change what a SELECT gives" },
  ],
};
