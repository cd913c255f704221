import type { CapturePosition, TableCounts } from "../types/ports.ts";
import { countBatch } from "../types/batch-count.ts";
import type { ChangeBatch } from "../types/change-batch.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { formatGtid, type Gtid, type GtidSet } from "../types/gtid.ts";
import type { LastTransaction, SourcePosition } from "../types/source-position.ts";
import { syncError } from "../types/errors.ts";
import { hasher64, hex64, type Hasher64 } from "../util/xxhash.ts";
import type { Numbering } from "./batch-builder.ts";
import {
  checkXid,
  EVENT,
  isOnePhaseXa,
  parseGtidEvent,
  parseQueryEvent,
  parseRotateEvent,
  type EventHeader,
  type GtidEvent,
} from "./binlog-event.ts";
import { BinlogPlace } from "./binlog-place.ts";
import { corrupt } from "./corrupt.ts";
import { EchoCheck } from "./echo-check.ts";
import { outOfOrder, parseMariadbGtid } from "./mariadb/gtid-event.ts";
import { refusedEvent } from "./refused-event.ts";
import { classifyStatement } from "./statement.ts";
import { StopList } from "./stop-list.ts";
import { parseTaggedGtidEvent } from "./tagged-gtid.ts";
import { preparedUndecided, XaTransactions, type PreparedXa } from "./prepared-xa.ts";
import type { StopReason, TrackedTables } from "./tracked-tables.ts";

/**
 * Puts events together to transactions. A transaction begins with its GTID event and ends with XID, with a
 * QUERY of COMMIT, with an XA_PREPARE, or, when no BEGIN came, with its only statement (DDL). Rows go
 * straight to the builders of their tables; a transaction counts only when it has ended, so whatever is
 * flushed before is not announced by a position yet. Those of XA take a way of their own (`prepared-xa.ts`).
 *
 * An event type that is not listed stops the stream, unless the server's own rule for replicas ignores it.
 */
export interface AssemblerOptions {
  readonly tables: TrackedTables;
  readonly identity: SourceIdentity;
  readonly from: SourcePosition;
  readonly numbering: Numbering;
  /**
   * The last transaction of `from`, which the server was asked to send once more: it must come first and be
   * the same, or the binlog has another history. Null when there is none to compare.
   */
  readonly expected: LastTransaction | null;
  /** Of row events that are prepared by XA at one time. */
  readonly xaBytesMax?: number;
}

interface OpenTransaction {
  readonly gtid: Gtid;
  readonly text: string;
  readonly commitUs: number;
  readonly ordinal: number;
  /** It was read before, and comes to be compared. */
  readonly isEcho: boolean;
  /** It was applied before. */
  readonly isHeld: boolean;
  /** See `GtidEvent`. */
  readonly isUndecided: boolean;
  /** Positions of its server have no gaps, in which an XA transaction could wait for its second phase. */
  readonly isGapless: boolean;
  hasBegun: boolean;
}

export class TransactionAssembler {
  readonly #tables: TrackedTables;
  readonly #identity: SourceIdentity;
  readonly #echo: EchoCheck;
  readonly #hasher: Hasher64 = hasher64();
  readonly #xa: XaTransactions;
  #open: OpenTransaction | null = null;
  #gtids: GtidSet;
  readonly #place: BinlogPlace;
  #numbering: Numbering;
  #last: { gtid: string; commitUs: number; hash: bigint } | null = null;
  #lastBefore: LastTransaction | null;
  #transactions = 0;
  #hasMoved = false;
  readonly #stops = new StopList();
  #counts: TableCounts[] = [];

  constructor(options: AssemblerOptions) {
    this.#tables = options.tables;
    this.#identity = options.identity;
    this.#echo = new EchoCheck(options.expected);
    this.#xa = new XaTransactions({
      tables: options.tables,
      bytesMax: options.xaBytesMax,
      onStop: (stop) => {
        this.#stop(stop);
      },
    });
    this.#gtids = options.from.gtids;
    this.#place = new BinlogPlace(options.from);
    this.#numbering = options.numbering;
    this.#lastBefore = options.from.last;
  }

  /** Whether a transaction has begun and not ended. */
  get isInside(): boolean {
    return this.#open !== null;
  }

  /** Whether there is a position that was not taken yet: by a transaction, or past events that hold none. */
  get hasMoved(): boolean {
    return this.#hasMoved && !this.#echo.isPending;
  }

  /** Where the reader stands: behind the last transaction that ended. */
  position(): SourcePosition {
    const last = this.#last;
    const prepared = this.#xa.gtids;
    return {
      gtids: this.#gtids,
      ...(prepared.isEmpty ? {} : { prepared }),
      file: this.#place.file,
      offset: this.#place.offset,
      seq: this.#numbering.seq,
      last:
        last === null
          ? this.#lastBefore
          : { gtid: last.gtid, commitUs: last.commitUs, hash: hex64(last.hash) },
    };
  }

  /** XA transactions that are prepared and not decided, as far as it has read. */
  prepared(): readonly PreparedXa[] {
    return this.#xa.prepared();
  }

  /** One with this xid will never be decided in the binlog; what it did to tables stops them. */
  abandon(xid: string): void {
    const gtid = this.#xa.abandon(xid);
    if (gtid === null) return;
    this.#gtids = this.#gtids.add(gtid);
    this.#hasMoved = true;
  }

  /** The position as news for the channel, and what it covers begins anew. */
  takePosition(): CapturePosition {
    const item: CapturePosition = {
      kind: "position",
      position: this.position(),
      commitUs: this.#last?.commitUs ?? this.#lastBefore?.commitUs ?? 0,
      transactions: this.#transactions,
      stops: this.#stops.take(),
      counts: this.#counts,
    };
    this.#counts = [];
    this.#hasMoved = false;
    this.#transactions = 0;
    return item;
  }

  /** The rows that came since the last call, counted on their way out. */
  takeBatches(): readonly ChangeBatch[] {
    const batches = this.#tables.takeBatches();
    for (const batch of batches) {
      const counts = countBatch(batch, {
        identity: this.#identity,
        hop: "capture",
        class: null,
        content: true,
      });
      this.#counts.push({ table: batch.schema.id, counts });
    }
    return batches;
  }

  /** One event, also one that was compressed with the others of its transaction. */
  event(bytes: Uint8Array, header: EventHeader): void {
    const { type, bodyStart, bodyEnd } = header;
    switch (type) {
      case EVENT.gtid:
        this.#begin(parseGtidEvent(bytes, bodyStart, bodyEnd));
        return;
      case EVENT.taggedGtid:
        this.#begin(parseTaggedGtidEvent(bytes, bodyStart, bodyEnd));
        return;
      case EVENT.mariadbGtid:
        this.#begin(parseMariadbGtid(bytes, header));
        return;
      case EVENT.query:
        this.#query(bytes, header);
        return;
      case EVENT.tableMap:
        this.#inside("TABLE_MAP");
        this.#tables.map(bytes, header, this.#hasher);
        return;
      case EVENT.writeRows:
      case EVENT.updateRows:
      case EVENT.deleteRows:
      case EVENT.partialUpdateRows:
        this.#rows(bytes, header);
        return;
      case EVENT.xid:
        this.#inside("XID");
        checkXid(bodyStart, bodyEnd);
        this.#end(header);
        return;
      case EVENT.xaPrepare:
        this.#xaPrepare(bytes, header);
        return;
      case EVENT.rotate:
        this.#rotate(bytes, header);
        return;
      case EVENT.formatDescription:
        // A restart of the server may give out table numbers again.
        this.#tables.forgetMaps();
        this.#pass(header);
        return;
      case EVENT.heartbeat:
      case EVENT.heartbeatV2:
      case EVENT.previousGtids:
      case EVENT.binlogCheckpoint:
      case EVENT.gtidList:
      case EVENT.startEncryption:
      case EVENT.stop:
        this.#pass(header);
        return;
      case EVENT.rowsQuery:
      case EVENT.ignorable:
      case EVENT.transactionContext:
      case EVENT.viewChange:
      case EVENT.annotateRows:
        return;
      default:
        if (!header.isIgnorable) throw refusedEvent(header, this.#place.file);
    }
  }

  #inside(what: string): OpenTransaction {
    if (this.#open === null) throw corrupt(`a ${what} event came outside of a transaction`);
    return this.#open;
  }

  #begin(event: GtidEvent): void {
    if (this.#open !== null) throw corrupt(`${formatGtid(event)} began inside ${this.#open.text}`);
    const text = formatGtid(event);
    const isEcho = this.#echo.isEcho(text);
    const isHeld = this.#gtids.contains(event);
    const isGapless = event.isBegin !== undefined;
    // A set of MySQL's GTIDs may have gaps that are filled later; a position of MariaDB has none.
    if (isGapless && isHeld && !isEcho && !this.#echo.isPending) throw outOfOrder(text, this.#gtids);
    this.#open = {
      gtid: { origin: event.origin, number: event.number },
      text,
      commitUs: event.commitUs,
      ordinal: ++this.#numbering.ordinal,
      isEcho,
      ...{ isHeld, isGapless },
      isUndecided: event.isUndecided === true,
      hasBegun: event.isBegin === true,
    };
    this.#tables.beginTransaction(
      { ordinal: this.#open.ordinal, gtid: text, commitUs: event.commitUs },
      isHeld,
    );
    // Elsewhere the statement behind it shows what it is.
    if (isGapless) this.#echo.requireNotEarly(this.#open);
  }

  #rows(bytes: Uint8Array, header: EventHeader): void {
    this.#inside("row");
    const stop = this.#tables.rows(bytes, header, this.#hasher);
    if (stop !== null) this.#stop(stop);
    this.#xa.checkSize();
  }

  #query(bytes: Uint8Array, header: EventHeader): void {
    const open = this.#inside("QUERY");
    const query = parseQueryEvent(bytes, header.bodyStart, header.bodyEnd);
    const { statement: text, database, usesTemporary } = query;
    const statement = classifyStatement(text, database, usesTemporary);
    if (!open.hasBegun && statement.kind !== "xaStart") this.#echo.requireNotEarly(open);
    switch (statement.kind) {
      case "begin":
        open.hasBegun = true;
        return;
      case "xaStart":
        open.hasBegun = true;
        if (!open.isHeld && !open.isGapless) this.#xa.start(statement.xid);
        return;
      case "xaCommit":
      case "xaRollback":
        this.#decide(statement.xid, statement.kind === "xaCommit");
        break;
      case "commit":
        this.#end(header);
        return;
      case "rollback":
        this.#requireNoRows("ends with ROLLBACK");
        this.#end(header);
        return;
      case "rollbackTo":
        this.#requireNoRows("takes back some of its changes");
        break;
      case "harmless":
        break;
      case "ddl":
      case "indexes":
      case "dropDatabase":
        this.#hasher.update(Buffer.from(query.statement));
        if (!open.isHeld && !open.isUndecided)
          for (const stop of this.#tables.affectedBy(statement, query)) this.#stop(stop);
        break;
      case "dml":
        throw syncError(
          "BINLOG_STATEMENT",
          `${open.text} changed rows by a statement, not by row events (binlog_format)`,
          {
            hint: "SET GLOBAL binlog_format = 'ROW' on the source, end the session that changed it, and take the snapshot again: what the statement did is not in the binlog",
          },
        );
      case "unknown":
        throw syncError("BINLOG_EVENT_UNKNOWN", `${open.text} is a statement of a kind that is not known`, {
          hint: `look at it with \`mysqlbinlog\` in ${this.#place.file}; report it, so that it can be classified`,
        });
    }
    if (!open.hasBegun) this.#end(header);
  }

  /**
   * Without tables that cannot roll back, what is rolled back does not get into the binlog; with one the
   * events stay there, and which of them count is for the engines of the tables to say.
   */
  #requireNoRows(what: string): void {
    if (!this.#tables.hasOpenRows) return;
    throw syncError("BINLOG_EVENT_UNKNOWN", `${this.#open?.text ?? "a transaction"} has rows and ${what}`, {
      hint: "a table without transactions took part in it: keep only InnoDB tables in transactions with those of `tables`, then take the snapshot again",
    });
  }

  #xaPrepare(bytes: Uint8Array, header: EventHeader): void {
    const open = this.#inside("XA_PREPARE");
    if (isOnePhaseXa(bytes, header.bodyStart, header.bodyEnd)) {
      this.#echo.requireNotEarly(open);
      this.#xa.commitOnePhase();
    } else if (open.isGapless) {
      for (const table of this.#tables.openTables()) this.#stop(preparedUndecided(table, open.text));
    } else if (!open.isHeld) {
      this.#xa.prepare(open.gtid);
    }
    this.#end(header);
  }

  #decide(xid: string, isCommit: boolean): void {
    if (this.#inside("XA").isHeld) return;
    const gtid = this.#xa.decide(xid, isCommit);
    if (gtid !== null) this.#gtids = this.#gtids.add(gtid);
  }

  /** A table that was added later, and was made or changed before its snapshot, holds what came of that. */
  #stop(stop: StopReason): void {
    if (this.#open !== null && this.#tables.holds(stop.table, this.#open.text)) return;
    this.#tables.stop(stop.table);
    this.#stops.add(stop, this.position());
  }

  #end(header: EventHeader): void {
    const open = this.#inside("end of transaction");
    this.#xa.requireEnded();
    const hash = this.#hasher.digest();
    this.#hasher.reset();
    this.#advance(header);
    this.#tables.endTransaction();
    this.#open = null;
    if (open.isEcho) this.#echo.end(open, hex64(hash));
    if (open.isHeld || this.#echo.isPending) return;
    if (!this.#xa.gtids.contains(open.gtid)) this.#gtids = this.#gtids.add(open.gtid);
    this.#last = { gtid: open.text, commitUs: open.commitUs, hash };
    this.#transactions++;
    this.#stops.endTransaction(this.position());
  }

  /** An event that belongs to no transaction moves the position all the same. */
  #pass(header: EventHeader): void {
    if (this.#open === null) this.#advance(header);
  }

  #advance(header: EventHeader): void {
    if (this.#place.advance(header.endOffset)) this.#hasMoved = true;
  }

  #rotate(bytes: Uint8Array, header: EventHeader): void {
    if (this.#open !== null) throw corrupt(`a new binlog file began inside ${this.#open.text}`);
    this.#place.rotate(parseRotateEvent(bytes, header.bodyStart, header.bodyEnd));
    this.#hasMoved = true;
  }
}
