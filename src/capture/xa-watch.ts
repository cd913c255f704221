import { formatGtid, type GtidSet } from "../types/gtid.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { ServerHistory } from "./history.ts";
import type { PreparedXa } from "./prepared-xa.ts";

/**
 * Looks after XA transactions that stay prepared: says so, with the remedy, and notices those that the server does
 * not have any more although the binlog has no end of them. Whoever ends one with `sql_log_bin = 0` leaves it so.
 */
export class XaWatch {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #remindMs: number;
  /** When each was seen first, by its GTID. */
  #seenMs = new Map<string, number>();
  #remindedMs = -Infinity;
  /** Not on the server when it was asked, and what it had executed after that. */
  #missing: { readonly xids: readonly string[]; readonly executed: GtidSet } | null = null;

  /** `remindMs`: how long one is open before it is told of, and how often it is then. */
  constructor(log: Log, { now, remindMs }: { readonly now: () => number; readonly remindMs: number }) {
    this.#log = log;
    this.#now = now;
    this.#remindMs = remindMs;
  }

  /** Tells of them when it is time to. */
  remind(prepared: readonly PreparedXa[]): void {
    const nowMs = this.#now();
    const seenMs = new Map<string, number>();
    for (const { gtid } of prepared) {
      const name = formatGtid(gtid);
      seenMs.set(name, this.#seenMs.get(name) ?? nowMs);
    }
    this.#seenMs = seenMs;
    if (nowMs - this.#remindedMs < this.#remindMs) return;
    for (const { xid, gtid, rows } of prepared) {
      const name = formatGtid(gtid);
      const openForMs = nowMs - (seenMs.get(name) ?? nowMs);
      if (openForMs < this.#remindMs) continue;
      this.#remindedMs = nowMs;
      this.#log.warn("a prepared XA transaction is open, and its changes wait for its end", {
        xid,
        gtid: name,
        tables: rows.tables.map(formatTableId).join(", "),
        openForMs: Math.round(openForMs),
        remedy: `XA COMMIT ${xid}, or XA ROLLBACK ${xid}: the binlog from its prepare on is needed until then`,
      });
    }
  }

  /** The server was asked while these were open; its list of them is older than what it had executed. */
  asked(prepared: readonly PreparedXa[], { openXa, executed }: ServerHistory): void {
    if (openXa === null) return;
    const there = new Set(openXa.map((xid) => xid.toUpperCase()));
    const xids = prepared.map(({ xid }) => xid).filter((xid) => !there.has(xid));
    this.#missing = xids.length === 0 ? null : { xids, executed };
  }

  /** Those that have no end in the binlog, once that is read as far as the server was when it had them no more. */
  lost(prepared: readonly PreparedXa[], read: GtidSet): readonly string[] {
    const missing = this.#missing;
    if (missing === null || !read.includes(missing.executed)) return [];
    this.#missing = null;
    return missing.xids.filter((xid) => prepared.some((open) => open.xid === xid));
  }
}
