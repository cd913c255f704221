/**
 * XA transactions of two phases.
 *
 * The binlog has one as two transactions: `XA START … rows … XA END` and an XA_PREPARE event under one GTID, and
 * later, under another one, XA COMMIT or XA ROLLBACK without rows. Whether the rows count, where in the order of
 * all changes, and at what time is said by the second. So they are kept when they come, as the bytes of their
 * events, and become rows of the transaction that commits them, or nothing. The server logs no decision
 * without its prepare: what it prepared with `sql_log_bin = 0` it ends unlogged.
 *
 * **No position holds a transaction that is prepared and not decided.** Its GTID is left out of the set of
 * every position until its end has been read, and only then are both added. That gap is all that has to survive
 * us: whoever goes on from such a position (this process after a lost connection, another one after `kill -9`,
 * the report's own reader) asks the server for what the set lacks, and gets the prepare once more, from the
 * binlog. Nothing is written to disk for it, the other tables go on, and every table's checkpoint says the
 * truth. This holds for prepares without rows of our tables as well: which tables we keep can be another matter
 * on the next start, and a position must not depend on it.
 *
 * | it happens                                    | what follows                                                |
 * |-----------------------------------------------|-------------------------------------------------------------|
 * | the binlog with the prepare is purged         | what was read goes on; a new start is refused, SOURCE_PURGED |
 * | prepared before a snapshot                    | `watermark.ts`: no chunk is read while one is open           |
 * | committed, and its prepare was not sent       | it lies before a snapshot's mark, and every chunk saw it     |
 * | too many bytes are prepared                   | tables with rows in the one that is too much stop, TABLE_XA  |
 * | ended with `sql_log_bin = 0`                  | its tables stop, TABLE_XA: the end never comes (`xa-watch`)  |
 * | open for long                                 | a warning each minute, with the xid (`xa-watch`)             |
 *
 * What XA rolls back is counted at no hop and not at the source, as what ROLLBACK takes back, which is not in the
 * binlog at all.
 *
 * A position of MariaDB is the newest transaction of each domain and can leave none out, so there a prepare with rows of
 * a table stops it, TABLE_XA.
 *
 * Limits: the rows of prepared transactions are held in memory, up to `XA_BYTES_MAX` of events, and on their commit once
 * more as rows. A transaction that
 * outgrows it may still turn out to be one of one phase, so its rows go on at once, as those of any other; only
 * when it ends with a prepare do its tables stop.
 */
import { GtidSet, type Gtid } from "../types/gtid.ts";
import type { TableStop } from "../types/ports.ts";
import { resnapshotHint, type TableId } from "../types/table-id.ts";
import { corrupt } from "./corrupt.ts";
import { DeferredRows } from "./deferred-rows.ts";
import type { TrackedTables } from "./tracked-tables.ts";

const XA_BYTES_MAX = 128 << 20;

type Stop = Omit<TableStop, "at">;

export interface PreparedXa {
  /** As XA COMMIT takes it. */
  readonly xid: string;
  readonly gtid: Gtid;
  readonly rows: DeferredRows;
}

export interface XaTransactionsOptions {
  readonly tables: Pick<TrackedTables, "deferTo" | "openTables">;
  /** Of all events that are held at one time. */
  readonly bytesMax?: number | undefined;
  readonly onStop: (stop: Stop) => void;
}

/** The XA transaction that is being read, and those that are prepared and not decided. */
export class XaTransactions {
  readonly #options: XaTransactionsOptions;
  readonly #bytesMax: number;
  readonly #prepared = new Map<string, PreparedXa>();
  #gtids = GtidSet.empty;
  #heldBytes = 0;
  #xid: string | null = null;
  #rows: DeferredRows | null = null;

  constructor(options: XaTransactionsOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? XA_BYTES_MAX;
  }

  /** Of those that are prepared and not decided. */
  get gtids(): GtidSet {
    return this.#gtids;
  }

  prepared(): readonly PreparedXa[] {
    return [...this.#prepared.values()];
  }

  /** The rows that follow are those of an XA transaction. */
  start(xid: string): void {
    this.#xid = xid;
    this.#rows = new DeferredRows();
    this.#options.tables.deferTo(this.#rows);
  }

  /** To be called when rows have come: too many are held no longer. */
  checkSize(): void {
    if (this.#rows !== null && this.#rows.byteLength + this.#heldBytes > this.#bytesMax) this.#release();
  }

  /** It ends with its first phase: its rows count now. */
  commitOnePhase(): void {
    this.#release();
    this.#xid = null;
  }

  prepare(gtid: Gtid): void {
    const { tables, onStop } = this.#options;
    const xid = this.#xid;
    if (xid === null) throw corrupt("an XA transaction is prepared and has not begun");
    const rows = this.#rows ?? new DeferredRows();
    this.#xid = null;
    this.#rows = null;
    // Those of an earlier part, which were too many to be held.
    for (const table of tables.openTables()) onStop(tooLarge(table));
    this.#prepared.set(xid, { xid, gtid, rows });
    this.#gtids = this.#gtids.add(gtid);
    this.#heldBytes += rows.byteLength;
  }

  /** Whatever else ends a transaction, it does not end one of XA: its rows would be nowhere. */
  requireEnded(): void {
    if (this.#xid !== null) throw corrupt("an XA transaction ends without its XA_PREPARE");
  }

  /** Commits it, or lets it go; gives the GTID of its prepare, or null when that was not sent. */
  decide(xid: string, isCommit: boolean): Gtid | null {
    const prepared = this.#forget(xid);
    if (isCommit) for (const stop of prepared?.rows.read() ?? []) this.#options.onStop(stop);
    return prepared?.gtid ?? null;
  }

  /** It will never be decided in the binlog. */
  abandon(xid: string): Gtid | null {
    const prepared = this.#forget(xid);
    for (const table of prepared?.rows.tables ?? []) this.#options.onStop(endedUnlogged(table, xid));
    return prepared?.gtid ?? null;
  }

  #forget(xid: string): PreparedXa | null {
    const prepared = this.#prepared.get(xid);
    if (prepared === undefined) return null;
    this.#prepared.delete(xid);
    this.#gtids = this.#gtids.subtract(GtidSet.empty.add(prepared.gtid));
    this.#heldBytes -= prepared.rows.byteLength;
    return prepared;
  }

  /** Rows that were held go to their tables, and so does what follows. */
  #release(): void {
    const rows = this.#rows;
    this.#rows = null;
    this.#options.tables.deferTo(null);
    for (const stop of rows?.read() ?? []) this.#options.onStop(stop);
  }
}

/** The xid of a statement as the server writes it, such as `X'6f6e65',X'',1`; hex digits have two cases. */
export const xidOf = (statement: string): string =>
  statement
    .replace(/^\s*XA\s+\w+\s+/i, "")
    .trim()
    .toUpperCase();

/** On a server whose positions have no gaps, where a prepare could wait. */
export const preparedUndecided = (table: TableId, gtid: string): Stop => ({
  table,
  code: "TABLE_XA",
  message: `${gtid} prepared changes of this table in an XA transaction`,
  hint: `keep the table out of XA transactions of two phases on MariaDB, then ${resnapshotHint(table)}`,
});

const tooLarge = (table: TableId): Stop => ({
  table,
  code: "TABLE_XA",
  message: "more changes are prepared in XA transactions than can be held, this table's among them",
  hint: `commit large XA transactions in one phase, or in parts, and end those that are open (XA RECOVER lists them); then ${resnapshotHint(table)}`,
});

const endedUnlogged = (table: TableId, xid: string): Stop => ({
  table,
  code: "TABLE_XA",
  message: `the XA transaction ${xid} changed this table and was ended outside of the binlog (sql_log_bin = 0)`,
  hint: `${resnapshotHint(table)}: whether those changes count is not in the binlog`,
});
