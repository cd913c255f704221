import { formatGtid, type GtidSet } from "../types/gtid.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { ServerHistory } from "./history.ts";
import type { PreparedXa } from "./prepared-xa.ts";

/** How often open XA transactions are told of. */
const REMIND_MS = 60_000;
const US_PER_MS = 1000;

/**
 * Looks after XA transactions that stay prepared: says so, with the remedy, and notices those that the server does
 * not have any more although the binlog has no end of them. Whoever ends one with `sql_log_bin = 0` leaves it so.
 */
export class XaWatch {
  readonly #log: Log;
  readonly #now: () => number;
  #remindedMs: number;
  /** Not on the server when it was asked, and what it had executed after that. */
  #missing: { readonly xids: readonly string[]; readonly executed: GtidSet } | null = null;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
    this.#remindedMs = now();
  }

  /** Tells of them when it is time to. */
  remind(prepared: readonly PreparedXa[]): void {
    const nowMs = this.#now();
    const old = prepared.filter(({ commitUs }) => nowMs - commitUs / US_PER_MS >= REMIND_MS);
    if (old.length === 0 || nowMs - this.#remindedMs < REMIND_MS) return;
    this.#remindedMs = nowMs;
    for (const { xid, gtid, commitUs, rows } of old) {
      this.#log.warn("a prepared XA transaction is open, and its changes wait for its end", {
        xid,
        gtid: formatGtid(gtid),
        tables: rows.tables.map(formatTableId).join(", "),
        openForMs: Math.round(nowMs - commitUs / US_PER_MS),
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
