import { batchRows } from "./batch-lines.ts";
import { MysqlSource, type MysqlSourceOptions } from "../../src/capture/mysql-source.ts";
import { operationOf, type ChangeBatch } from "../../src/types/change-batch.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type {
  SnapshotStart,
  SourceStream,
  StreamItem,
  StreamRequest,
  TableStop,
} from "../../src/types/ports.ts";
import { readUpTo, type SourcePosition } from "../../src/types/source-position.ts";
import { formatTableId, tableKey, type TableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { SyncError } from "../../src/util/errors.ts";
import { Log } from "../../src/util/log.ts";
import { CaptureSession, endpointOf } from "./capture-session.ts";
import type { TestConnection } from "./mysql-connection.ts";
import { waitFor } from "./wait-for.ts";

export interface TapeOptions {
  /** Where the reader connects, which may be a proxy. */
  readonly url: string;
  readonly schemas: readonly TableSchema[];
  readonly start: SnapshotStart;
  readonly held?: StreamRequest["held"];
  readonly serverId?: number;
  readonly limits?: MysqlSourceOptions["limits"];
  readonly patienceMs?: number;
  readonly queueBytes?: number;
  readonly connectTimeoutMs?: number;
  /** Takes the warnings of the log, as lines of JSON. */
  readonly onWarning?: (line: string) => void;
}

/** A row that was changed, and how often a change of that event came. */
const eventOf = (id: TableId, gtid: string, op: string, n: number): string =>
  `${formatTableId(id)} ${gtid} ${op} ${n}`;

export function sourceFor(url: string, options: Partial<TapeOptions> = {}): MysqlSource {
  return new MysqlSource({
    endpoint: endpointOf(url, { connectTimeoutMs: options.connectTimeoutMs ?? 10_000 }),
    identity: { source: "s", epoch: 1 },
    version: "0.0.0",
    serverId: options.serverId ?? 4001,
    chunkRows: 1000,
    queueBytes: options.queueBytes ?? 64 << 20,
    log: new Log({
      level: "warn",
      format: "json",
      now: () => 0,
      write: options.onWarning ?? (() => undefined),
    }),
    now: Date.now,
    random: Math.random,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
}

/**
 * The stream of the capture stage, run to the end and written down: the tables that its rows make, each event
 * that came, where it stands, and why it ended. What breaks its promises is noted in `broken`.
 */
export class BinlogTape implements AsyncDisposable {
  readonly logs: string[] = [];
  /** Promises of the stream that were not kept. */
  readonly broken: string[] = [];
  readonly stops: TableStop[] = [];
  /** Transactions with rows and their times at the source, in microseconds, in the order in which they came. */
  readonly transactions = new Map<string, number>();
  /** How often batches were void and came again. */
  aborts = 0;
  position: SourcePosition;
  error: Error | null = null;
  readonly #source: MysqlSource;
  readonly #stream: SourceStream;
  readonly #tables = new Map<string, Map<string, string>>();
  readonly #events = new Set<string>();
  readonly #ended: Promise<void>;
  #pending: ChangeBatch[] = [];
  /** The highest of each table. */
  readonly #seq = new Map<string, number>();

  private constructor(source: MysqlSource, stream: SourceStream, start: SnapshotStart) {
    this.#source = source;
    this.#stream = stream;
    this.position = start.position;
    this.#ended = this.#run();
  }

  static async start(options: TapeOptions): Promise<BinlogTape> {
    const source = sourceFor(options.url, options);
    const stream = await source.stream({
      schemas: options.schemas,
      from: options.start.position,
      serverUuid: options.start.serverUuid,
      form: "columns",
      ...(options.held === undefined ? {} : { held: options.held }),
      ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    });
    return new BinlogTape(source, stream, options.start);
  }

  /** A start for `tables` from where the server is now, with what the tables hold now. */
  static async prepare(url: string, tables: readonly TableId[]): Promise<Omit<TapeOptions, "url">> {
    await using session = await CaptureSession.open(url);
    const schemas = await Promise.all(tables.map((id) => session.schema(id)));
    const source = sourceFor(url);
    try {
      return { schemas, start: await source.lowWatermark() };
    } finally {
      await source.close();
    }
  }

  /** The rows of a table as lines of JSON, sorted. */
  rows(table: TableId): readonly string[] {
    return [...(this.#tables.get(tableKey(table))?.values() ?? [])].sort();
  }

  /** Waits until everything that the server has now was announced, or is prepared and waits for its end. */
  async caughtUp(connection: TestConnection, timeoutMs = 20_000): Promise<void> {
    const target = GtidSet.parse(await connection.executedGtids());
    await waitFor(
      `the stream to reach ${target.toString()}`,
      () => {
        if (this.error !== null) throw this.error;
        return readUpTo(this.position).includes(target);
      },
      { timeoutMs, intervalMs: 5 },
    );
  }

  /** The operating error that ends the stream. */
  async failure(): Promise<SyncError> {
    await this.#ended;
    if (this.error instanceof SyncError) return this.error;
    throw new Error("the stream ended without an operating error", { cause: this.error });
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    this.#stream.stop();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.terminate();
    await this.#ended;
    await this.#source.close();
  }

  async #run(): Promise<void> {
    try {
      for await (const item of this.#stream) this.#take(item);
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
    }
  }

  #take(item: StreamItem): void {
    if (item.kind === "batch") {
      this.#pending.push(item.batch);
      return;
    }
    const batches = this.#pending;
    this.#pending = [];
    if (item.kind === "abort") {
      this.aborts++;
      return;
    }
    const { position, stops } = item;
    if (!position.gtids.includes(this.position.gtids)) this.broken.push("a position went back");
    for (const batch of batches) this.#apply(batch, item.stops);
    const seqMax = Math.max(0, ...this.#seq.values());
    if (position.seq < seqMax) this.broken.push(`a position with seq ${position.seq} after ${seqMax}`);
    this.position = position;
    this.stops.push(...stops);
  }

  #apply(batch: ChangeBatch, stops: readonly TableStop[]): void {
    const key = tableKey(batch.schema.id);
    const stop = stops.find(({ table }) => tableKey(table) === key);
    if (!this.#tables.has(key)) this.#tables.set(key, new Map());
    const rows = batchRows(batch);
    for (const [i, { gtid, commitUs, firstRow }] of batch.transactions.entries()) {
      // What a transaction did to a table that stops in it does not count.
      if (stop !== undefined && !stop.at.gtids.includes(GtidSet.parse(gtid))) continue;
      this.transactions.set(gtid, commitUs);
      const end = batch.transactions[i + 1]?.firstRow ?? batch.count;
      for (let row = firstRow; row < end; row++)
        this.#change(batch, { row, json: must(rows[row], "a row"), gtid });
    }
  }

  #change(
    batch: ChangeBatch,
    { row, json, gtid }: { readonly row: number; readonly json: string; readonly gtid: string },
  ): void {
    const { id, primaryKey } = batch.schema;
    const table = must(this.#tables.get(tableKey(id)), "the rows of a table");
    const op = operationOf(must(batch.op[row], "an operation"));
    const event = eventOf(id, gtid, op, must(batch.n[row], "a number"));
    if (this.#events.has(event)) this.broken.push(`${event} came twice`);
    this.#events.add(event);
    const seq = must(batch.seq[row], "a seq");
    const before = this.#seq.get(tableKey(id)) ?? 0;
    if (seq <= before) this.broken.push(`${event} has seq ${seq} after ${before}`);
    this.#seq.set(tableKey(id), seq);
    const values = JSON.parse(json) as Readonly<Record<string, unknown>>;
    const key = JSON.stringify(primaryKey.map((name) => values[name]));
    const isThere = table.has(key);
    if (isThere !== (op !== "c")) this.broken.push(`${event} of ${isThere ? "a" : "no"} row ${json}`);
    if (op === "d") table.delete(key);
    else table.set(key, json);
  }
}

/** The rows of a table of numbers and plain texts as the stream writes them, sorted. */
export async function rowsOf(connection: TestConnection, id: TableId): Promise<readonly string[]> {
  const columns = await connection.rows(
    "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
    [id.database, id.table],
  );
  const names = columns.map(([name]) => String(name));
  const rows = await connection.rows(`SELECT * FROM \`${id.database}\`.\`${id.table}\``);
  return rows.map((row) => JSON.stringify(Object.fromEntries(names.map((name, i) => [name, row[i]])))).sort();
}
