import type { SourceIdentity } from "../types/checkpoint.ts";
import { transactionId } from "../types/checkpoint.ts";
import { DigestSum, transactionLanes, type HashLanes } from "../types/event-hash.ts";
import { syncError } from "../types/errors.ts";
import { formatGtid, parseGtid, type GtidSet } from "../types/gtid.ts";
import type { CountClass, HopCount } from "../types/hop-count.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { openBinlog, type BinlogConnection } from "./binlog-connection.ts";
import { driverOptions, type SourceEndpoint } from "./connection-options.ts";
import { RawCounter, type RawChange } from "./raw-counter.ts";

/** A table and the commits whose changes are counted: position intervals that join, oldest first. */
export interface CountedTable {
  readonly id: TableId;
  /** Names of the key's columns, where the key is another index than the primary key. */
  readonly key?: readonly string[] | undefined;
  readonly from: GtidSet;
  readonly commits: readonly CountedCommit[];
}

export interface CountedCommit {
  readonly commit: string;
  readonly to: GtidSet;
  /** Low watermark of a snapshot in the commit: what lies before it is in the rows, and no change of the commit. */
  readonly snapshotFrom?: GtidSet;
}

export interface SourceCountRequest {
  readonly endpoint: SourceEndpoint;
  /** Not that of the stream that may be running. */
  readonly serverId: number;
  readonly identity: SourceIdentity;
  readonly tables: readonly CountedTable[];
  /** Transactions that are all in the binlog, and end the count when they have passed. */
  readonly until: GtidSet;
  readonly signal: AbortSignal;
}

/** Counts of one commit's interval as the source's binlog has them. */
export interface SourceCount {
  readonly table: TableId;
  readonly commit: string;
  readonly counts: readonly HopCount[];
}

const HEARTBEAT_MS = 2000;
const US_PER_MINUTE = 60_000_000;
const CLASSES = ["c", "u", "d"] as const;

/**
 * Reads a stretch of the binlog once more, on a connection of its own, and counts the changes of each table by
 * commit, operation and minute, with the digest of their event ids. It shares no code with capture beyond the
 * dump connection: what capture overlooks, this reader has to overlook in its own way.
 */
export async function countSource(request: SourceCountRequest): Promise<readonly SourceCount[]> {
  const ledgers = new Map(
    request.tables.map((table) => [tableKey(table.id), new TableLedger(table, request.identity)]),
  );
  const low = request.tables.map((table) => table.from).reduce((a, b) => a.intersect(b));
  if (low.includes(request.until)) return [...ledgers.values()].flatMap((ledger) => ledger.counts());
  let seen = low;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const counter = new RawCounter({
    isCounted: (id) => ledgers.has(tableKey(id)),
    keyOf: (id) => request.tables.find((table) => tableKey(table.id) === tableKey(id))?.key,
    onTransaction: (gtid, commitUs, changes) => {
      for (const [key, list] of changes) ledgers.get(key)?.add({ gtid, commitUs, changes: list });
      seen = seen.add(parseGtid(gtid));
      if (seen.includes(request.until)) resolve(undefined);
    },
  });
  const onAbort = (): void => {
    reject(request.signal.reason instanceof Error ? request.signal.reason : new Error("stopped"));
  };
  request.signal.addEventListener("abort", onAbort, { once: true });
  const connection: BinlogConnection = await openBinlog({
    driver: { ...driverOptions(request.endpoint) },
    serverId: request.serverId,
    without: low,
    heartbeatMs: HEARTBEAT_MS,
    onEvent: (bytes, from, to) => {
      const reading = counter.event(bytes.subarray(from, to));
      if (reading === null) return;
      connection.pause();
      reading.then(() => {
        connection.resume();
      }, reject);
    },
    onEnd: (error) => {
      reject(error ?? ended(request.until));
    },
  });
  try {
    await promise;
  } finally {
    request.signal.removeEventListener("abort", onAbort);
    await connection.close();
  }
  return [...ledgers.values()].flatMap((ledger) => ledger.counts());
}

const ended = (until: GtidSet): Error =>
  syncError("SOURCE_CONNECTION_LOST", `the binlog ended before ${until.toString()} was counted`, {
    hint: "run the report again",
  });

interface CountedTransaction {
  readonly gtid: string;
  readonly commitUs: number;
  readonly changes: readonly RawChange[];
}

interface ClassSum {
  readonly countClass: CountClass;
  readonly minute: number;
  readonly sum: DigestSum;
}

/** Counts of one table, by commit. */
class TableLedger {
  readonly #table: CountedTable;
  readonly #identity: SourceIdentity;
  /** By class and minute, for each commit. */
  readonly #sums: Map<string, ClassSum>[];
  #at = 0;

  constructor(table: CountedTable, identity: SourceIdentity) {
    this.#table = table;
    this.#identity = identity;
    this.#sums = table.commits.map(() => new Map<string, ClassSum>());
  }

  add({ gtid, commitUs, changes }: CountedTransaction): void {
    const id = parseGtid(gtid);
    if (this.#table.from.contains(id)) return;
    const { commits } = this.#table;
    // Positions only grow, so the commit of a transaction is never before that of an earlier one.
    while (this.#at < commits.length && commits[this.#at]?.to.contains(id) === false) this.#at++;
    const sums = this.#sums[this.#at];
    if (sums === undefined || commits[this.#at]?.snapshotFrom?.contains(id) === true) return;
    const seeds: HashLanes = transactionLanes(transactionId(this.#identity, formatGtid(id)), this.#table.id);
    const minute = Math.floor(commitUs / US_PER_MINUTE);
    for (const operation of CLASSES) {
      const numbers = changes.filter((change) => change.operation === operation).map((change) => change.n);
      if (numbers.length === 0) continue;
      const key = `${operation} ${minute}`;
      const entry = sums.get(key) ?? { countClass: operation, minute, sum: new DigestSum() };
      sums.set(key, entry);
      entry.sum.addEach(numbers, operation, seeds);
    }
  }

  counts(): readonly SourceCount[] {
    return this.#table.commits.map(({ commit }, i) => ({
      table: this.#table.id,
      commit,
      counts: [...(this.#sums[i]?.values() ?? [])].map(({ countClass, minute, sum }) => ({
        hop: "source" as const,
        class: countClass,
        minute,
        rows: sum.rows,
        ids: sum.ids,
        content: null,
      })),
    }));
  }
}
