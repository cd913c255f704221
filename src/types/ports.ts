/**
 * The four ports at which the stages meet. A stage implements one of them and never imports another
 * stage; `app/pipeline.ts` joins them. Each port has one contract suite under test/contract, which every
 * implementation passes.
 *
 *     ChangeSource ──▶ Channel ──▶ (dedup) ──▶ LakeTable
 *           └───────────── counts ─────────────────┴──▶ TraceStore
 *
 * Common rules. "Done" means durable: a promise that resolved survives `kill -9`. Batches are handed over
 * by reference and are never changed after that. Every operation that can wait takes an AbortSignal or
 * ends when its object is closed. Errors are SyncError (operating), StopError (intended stop) or
 * InvariantError (our defect).
 */
import type { ChangeBatch, RowForm } from "./change-batch.ts";
import type { ChannelPlace, Checkpoint } from "./checkpoint.ts";
import type { ColumnRows } from "./column-values.ts";
import type { GtidSet } from "./gtid.ts";
import type { HopCount } from "./hop-count.ts";
import type { SourcePosition, BinlogOffset } from "./source-position.ts";
import type { ColumnChange, ColumnMapping } from "./column-change.ts";
import type { TableId } from "./table-id.ts";
import type { TableSchema } from "./table-schema.ts";

// ---------------------------------------------------------------- ChangeSource

/** Something at the source that keeps us from replicating exactly, with the statement that fixes it. */
export interface Problem {
  readonly code: string;
  /** Null when the whole source is concerned. */
  readonly table: TableId | null;
  readonly message: string;
  readonly hint: string;
  /** A warning is shown and does not keep the program from starting. */
  readonly severity: "error" | "warning";
}

/**
 * A part of a table, as bounds on its key. The bounds are texts that only MySQL compares: row
 * constructors over `columns`, greater than `after`, up to and including `through`.
 */
export interface SnapshotChunk {
  readonly index: number;
  /** SQL literals, one for each key column; null at the open ends. */
  readonly after: readonly string[] | null;
  readonly through: readonly string[] | null;
}

export interface ChunkRead {
  readonly rows: number;
  /** Milliseconds since 1970 at which the read view was opened. */
  readonly readAtMs: number;
}

/** A row-change batch of one table, or the news that the table cannot be followed past this point. */
export interface TableStop {
  readonly table: TableId;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** The last position that is complete for this table: where its checkpoint stays. */
  readonly at: SourcePosition;
  /** When it stopped at a statement that changed columns alone: what it did, and the position behind it. */
  readonly columns?: { readonly change: ColumnChange; readonly behind: SourcePosition };
}

/** News of a position: everything that came since the one before is complete up to here. */
export interface CapturePosition {
  readonly kind: "position";
  /** Behind the last transaction that was read; never inside one. */
  readonly position: SourcePosition;
  /** Commit time of that transaction, microseconds since 1970; 0 when there was none yet. */
  readonly commitUs: number;
  /** Transactions since the position before, whether or not they touched our tables. */
  readonly transactions: number;
  /** Tables that stop since the position before. Their changes count up to the `at` of the stop. */
  readonly stops: readonly TableStop[];
  /** What capture counted since the position before. */
  readonly counts: readonly TableCounts[];
}

export interface TableCounts {
  readonly table: TableId;
  readonly counts: readonly HopCount[];
}

/**
 * What a source streams: batches in binlog order, then the position that they reach. A batch may end
 * inside a transaction that is too large for one; a position never does.
 */
export type CaptureItem = { readonly kind: "batch"; readonly batch: ChangeBatch } | CapturePosition;

/** A stream's item, or the news that the batches since the last position are void and come again. */
export type StreamItem = CaptureItem | { readonly kind: "abort" };

/** A running stream. It ends by an error, or after `stop`, when what is complete has been handed out. */
export interface SourceStream extends AsyncIterable<StreamItem> {
  stop(): void;
  /** Takes back the memory of a batch that nobody reads any more: others are written over it. */
  recycle(batch: ChangeBatch): void;
  /** Ends it at once, whatever it does. */
  terminate(): Promise<void>;
}

export interface StreamRequest {
  readonly schemas: readonly TableSchema[];
  readonly from: SourcePosition;
  /** Of the rows in the batches: what the channel takes. */
  readonly form: RowForm;
  /** Server that `from` was read on; another one is refused. */
  readonly serverUuid: string;
  /** By `tableKey`, what tables hold that stand further on than `from`: nothing in there stops them. */
  readonly held?: ReadonlyMap<string, GtidSet>;
}

/** The low end of a snapshot: all transactions in `position` are visible to any later read. */
export interface SnapshotStart {
  readonly position: SourcePosition;
  readonly serverUuid: string;
}

/** A database whose tables we keep. */
export interface ChangeSource {
  /** @throws SyncError SOURCE_XA_OPEN while a prepared transaction makes the mark useless */
  lowWatermark(): Promise<SnapshotStart>;
  /** An end of the binlog that covers every transaction which any earlier read can have seen. */
  highWatermark(): Promise<BinlogOffset>;
  /** Position of everything that is committed now. */
  head(): Promise<SourcePosition>;
  /** Key ranges that cover the table without overlap, as they are found. At least one, also for an empty table. */
  planChunks(schema: TableSchema, signal: AbortSignal): AsyncIterable<SnapshotChunk>;
  /** Gives the rows of a chunk to the sink, from one read view; repeating it gives a current reading. */
  readChunk(schema: TableSchema, chunk: SnapshotChunk, target: ChunkTarget): Promise<ChunkRead>;
  stream(request: StreamRequest): Promise<SourceStream>;
  close(): Promise<void>;
}

export interface ChunkTarget {
  readonly sink: ChunkSink;
  readonly signal: AbortSignal;
}

/** Takes the rows of a chunk while they are read. One call at a time. */
export interface ChunkSink {
  /** Begins a reading with its time; what an earlier one has written is dropped. */
  begin(readAtMs: number): Promise<void>;
  /** Adds rows. Their memory is the caller's again when the promise resolves. */
  write(rows: ColumnRows): Promise<void>;
}

/** A sink that makes a staged file of what it got. */
export interface ChunkWriter extends ChunkSink {
  /** Durable when resolved. */
  finish(): Promise<StagedChunk>;
  /** Drops what was written. */
  abandon(): Promise<void>;
}

// ---------------------------------------------------------------- Channel

/** What one committed transaction of the channel holds. */
export interface Delivery {
  /** In binlog order. Taken one by one, since those of a large transaction are not kept in memory. */
  readonly batches: AsyncIterable<ChangeBatch>;
  readonly end: CapturePosition;
  /** The tables, by `tableKey`, that it brings on; null for all. It says nothing about any other. */
  readonly tables: ReadonlySet<string> | null;
  /** Where it lies in the channel, for the next start; null where nothing survives the process. */
  readonly origin: DeliveryOrigin | null;
}

export interface DeliveryOrigin {
  readonly place: ChannelPlace;
  /** Of the server that the source was read from. */
  readonly serverUuid: string;
}

/** What a channel that keeps what it was given wants next. */
export interface ResumePoint {
  readonly from: SourcePosition;
  /** The tables to stream. */
  readonly schemas: readonly TableSchema[];
  /** Tables that stay where they stopped. */
  readonly stopped: readonly TableStop[];
}

/** How far the rows of a table are published: of one commit of the lake, in its order. */
export interface SnapshotProgress {
  /** Of the commit. */
  readonly instant: string;
  readonly rows: number;
}

/** A table whose rows are to be published. */
export interface DueSnapshot {
  readonly schema: TableSchema;
  /** What is published already; null when nothing is. */
  readonly begun: SnapshotProgress | null;
}

/**
 * Takes the rows of tables as the lake has them, for those who read a channel from its beginning; between a writer's
 * opening and its first `begin`. Rows that are durable stay so, and a later writer asks for those behind them.
 */
export interface SnapshotSink {
  /** In the order in which they are to be published. Each is published from `begun` on, or anew. */
  readonly due: readonly DueSnapshot[];
  /** The running number of what stands before the changes that follow: the rows have it. */
  readonly seq: number;
  /** Adds rows, which are durable by and by; `reached` is how far the table is published with them. */
  add(batch: ChangeBatch, reached: SnapshotProgress): Promise<void>;
  /** There are no more rows of the table. */
  finish(table: TableId, reached: SnapshotProgress): Promise<void>;
  /** All that was added is durable when this resolves. */
  settle(): Promise<void>;
}

/**
 * A transactional hand-over from capture to apply. One writer, in one transaction at a time.
 * `append` waits while the channel is full. What is not committed is never seen by a reader; `commit`
 * publishes all appended batches together with the position that they reach, and when it has resolved
 * a reader that starts at any earlier committed position gets them exactly once, in order.
 */
export interface ChannelWriter {
  /** How the stream goes on behind what the channel holds; null where it is the tables that say so. */
  readonly resume: ResumePoint | null;
  /** Null where nobody reads the rows of snapshots. */
  readonly snapshots: SnapshotSink | null;
  /** Rejects when the channel fails while no call is under way. Never resolves. */
  readonly lost: Promise<never>;
  /** Whether a batch is not read any more once `append` has resolved. */
  readonly isCopying: boolean;
  begin(): Promise<void>;
  append(batch: ChangeBatch): Promise<void>;
  commit(end: CapturePosition): Promise<void>;
  /** Drops what was appended since `begin`. */
  abort(): Promise<void>;
  /** No more transactions will come: the reader ends after the last committed one. */
  close(): Promise<void>;
}

export interface Channel {
  /** Of the rows that it takes, and of those that it hands over. */
  readonly takes: RowForm;
  readonly gives: RowForm;
  /** The writer of this channel. A second call fences the first writer off: its commit fails. */
  writer(): Promise<ChannelWriter>;
  /**
   * Committed transactions behind `from`, in order. In process nothing survives the process, so `from`
   * must be where the writer starts; on Kafka it may be any position whose records are retained.
   */
  reader(from: SourcePosition, signal: AbortSignal): AsyncIterable<Delivery>;
  /** Rows and bytes that are committed and not yet taken, for `status`. */
  backlog(): { readonly rows: number; readonly bytes: number };
  /** Both sides fail with this error. */
  fail(error: Error): void;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- LakeTable

/** What a commit of the lake records beside the rows. */
export interface CommitInfo {
  readonly checkpoint: Checkpoint;
  /** Counts of the hops before the lake; those of `apply` and `commit` are added by the lake itself. */
  readonly counts: readonly HopCount[];
  /** Of a commit that holds a snapshot: its low watermark, from which the changes are counted. */
  readonly snapshotFrom?: GtidSet;
}

export interface CommitResult {
  /** Name of the Hudi instant, 17 digits. */
  readonly instant: string;
  readonly checkpoint: Checkpoint;
  /** All counts as recorded in the commit, those of the lake included. */
  readonly counts: readonly HopCount[];
  readonly rowsAfter: number;
  readonly bytesWritten: number;
  readonly filesWritten: number;
}

/** A completed commit as read back from the timeline. */
export interface CommitRecord {
  readonly instant: string;
  readonly checkpoint: Checkpoint;
  readonly counts: readonly HopCount[];
  readonly operation: string;
  /** See `CommitInfo`; null for a commit of changes alone. */
  readonly snapshotFrom: GtidSet | null;
}

/** A chunk of the snapshot in durable, staged form. */
export interface StagedChunk {
  readonly index: number;
  readonly file: string;
  readonly rows: number;
}

/**
 * One Hudi table, opened by its only writer. Opening takes the lock, recovers what a crash left, and
 * refuses tables that are not ours or not as we left them. One call at a time.
 */
export interface LakeTable {
  readonly id: TableId;
  /** Schema of the last commit; null before the first. */
  readonly schema: TableSchema | null;
  /** Of the last completed commit; null before the first. */
  readonly checkpoint: Checkpoint | null;

  /**
   * Makes the staged file `target` of a chunk's rows. A file of that name is replaced. Several chunks may be
   * written side by side.
   */
  chunkWriter(index: number, target: string): ChunkWriter;

  /**
   * Adds changes to the next commit; nothing is visible before `commit`. Batches come in binlog order and
   * are in the lake's own hands when the promise resolves.
   */
  append(batch: ChangeBatch): Promise<void>;
  /** Rows appended since the last commit. */
  readonly pendingRows: number;
  /** Drops what was appended since the last commit. */
  discard(): Promise<void>;

  /**
   * The next commit is a `load` that replaces all that the table holds, by rows of this schema: until then chunks and
   * changes are taken in it. What was appended before is dropped; readers see nothing of it before that commit.
   */
  renew(schema: TableSchema): Promise<void>;
  /**
   * One commit that gives every row the columns of this schema; nothing may be appended. Rows keep their commit time,
   * since none of them changed.
   */
  evolve(schema: TableSchema, mapping: ColumnMapping, info: CommitInfo): Promise<CommitResult>;
  /** The first commit, or one behind `renew`: the staged chunks, with the appended changes upserted onto them. */
  load(schema: TableSchema, chunks: readonly StagedChunk[], info: CommitInfo): Promise<CommitResult>;
  /** Upserts what was appended, in one commit; with nothing appended the commit only moves the checkpoint. */
  commit(info: CommitInfo): Promise<CommitResult>;

  /** Removes slices that were replaced before `beforeMs`, and keeps at least two of each file group. */
  clean(beforeMs: number): Promise<{ readonly filesRemoved: number; readonly bytesRemoved: number }>;
  /** Completed commits after `instant` (all when null), oldest first. */
  commits(after: string | null): Promise<readonly CommitRecord[]>;
  /** Releases the lock. What was appended and not committed is gone. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- TraceStore

/** Counts of one commit of one table, as the store keeps them. Recording the same commit again replaces it. */
export interface TraceRecord {
  readonly source: string;
  readonly table: TableId;
  /** The Hudi instant, or `<from>-<to>` for counts of an independent arm. */
  readonly commit: string;
  readonly committedAtMs: number;
  /** The position interval, ends as GTID sets: what the counts are of. */
  readonly fromGtids: string;
  readonly toGtids: string;
  /**
   * Of a commit with a snapshot, whose `fromGtids` is empty: the low watermark of the snapshot. Its rows hold what came
   * before it, and the counts of changes begin behind it. Null for any other record.
   */
  readonly snapshotGtids: string | null;
  readonly counts: readonly HopCount[];
}

export interface TraceStore {
  /** Creates or upgrades the schema; a no-op when it is current. */
  migrate(): Promise<void>;
  /** All or nothing for each record. Retrying the same records changes nothing. */
  record(records: readonly TraceRecord[]): Promise<void>;
  /** Newest commit recorded for a table, null when there is none. */
  recordedThrough(source: string, table: TableId): Promise<string | null>;
  /** Records of tables whose commit time is not before `sinceMs`, oldest first. */
  records(query: TraceQuery): Promise<readonly TraceRecord[]>;
  close(): Promise<void>;
}

export interface TraceQuery {
  readonly source: string;
  readonly tables: readonly TableId[];
  /**
   * Milliseconds since 1970. There is no upper bound: the clock that would give it may have been set back since
   * the newest commits were made.
   */
  readonly sinceMs: number;
}

export type { BinlogOffset };
