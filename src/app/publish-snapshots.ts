/**
 * The rows that tables hold before their changes begin in a channel, for those who read it from an empty state.
 *
 *     lake: newest commit of a table ──▶ rows as JSON ──▶ records `r` ──▶ topics, in front of the changes
 *
 * They are read from the lake, where each commit is an exact cut at a position of the source, and not from the source
 * a second time. The channel says which tables are due and how far an earlier run came (`kafka/snapshot-plan.ts` has
 * why that is right); it takes the rows in the order of the commit's files, so that a row has the same number whenever
 * it is read. Capture streams nothing until all of them are published, and the changes of that time wait in the binlog.
 *
 * | it breaks                                   | what follows                                                 |
 * |---------------------------------------------|--------------------------------------------------------------|
 * | capture dies                                | the next one goes on behind the last row that is committed   |
 * | the commit's files are cleaned away         | the table begins anew, with its newest commit: rows that are published already come once more, as they are now |
 * | Kafka is away                               | the loop of capture begins anew, and goes on like the next one |
 *
 * To begin anew is right since the rows are only ever taken as they are: one that was deleted in between is deleted by
 * the changes that follow, all of which lie behind the older commit.
 */
import { join } from "node:path";
import { SnapshotRecords } from "../capture/snapshot-records.ts";
import { instantTimeMs } from "../lake/instant.ts";
import { SnapshotRows } from "../lake/snapshot-rows.ts";
import { TableReader, type TableSnapshot } from "../lake/table-reader.ts";
import { isSyncError, syncError } from "../types/errors.ts";
import type { DueSnapshot, SnapshotSink } from "../types/ports.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { Config } from "./config.ts";
import { packageVersion } from "./package-info.ts";

export interface PublishContext {
  readonly config: Config;
  readonly log: Log;
  /** Ends the work between two rows; what was added is made durable by who closes the channel. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Enough for one thread that reads files one by one. */
const MEMORY_BYTES_MAX = 256 << 20;
const PROGRESS_MS = 10_000;

/** Publishes what is due; durable when resolved. */
export async function publishSnapshots(sink: SnapshotSink, context: PublishContext): Promise<void> {
  if (sink.due.length === 0) return;
  const { memory, stateDir } = context.config;
  const rows = await SnapshotRows.open({
    memoryBytesMax: Math.min(memory.duckdbBytes, MEMORY_BYTES_MAX),
    tempDir: join(stateDir, "tmp"),
  });
  try {
    for (const due of sink.due) await new TablePublishing(due, { ...context, sink, rows }).run();
    await sink.settle();
  } finally {
    await rows.close();
  }
}

/** The instants of the tables' first commits, which tell a table from the one that was there before. */
export async function firstInstants(
  lakeDir: string,
  ids: readonly TableId[],
): Promise<ReadonlyMap<string, string>> {
  const firsts = new Map<string, string>();
  for (const id of ids) {
    const [first] = await new TableReader(lakeDir, id).instants();
    if (first !== undefined) firsts.set(tableKey(id), first);
  }
  return firsts;
}

interface TableContext extends PublishContext {
  readonly sink: SnapshotSink;
  readonly rows: SnapshotRows;
}

class TablePublishing {
  readonly #due: DueSnapshot;
  readonly #context: TableContext;
  readonly #reader: TableReader;
  readonly #log: Log;

  constructor(due: DueSnapshot, context: TableContext) {
    this.#due = due;
    this.#context = context;
    this.#reader = new TableReader(context.config.lakeDir, due.schema.id);
    this.#log = context.log.child({ table: formatTableId(due.schema.id) });
  }

  async run(): Promise<void> {
    for (let begun = this.#due.begun; ; begun = null) {
      const state = await this.#state(begun?.instant ?? null);
      if (state !== null && (await this.#publish(state, begun?.rows ?? 0))) return;
      this.#log.warn("the rows of a table are published anew: files of its commit were cleaned away", {
        instant: begun?.instant ?? state?.commit.instant,
        remedy: "should this come again, raise `clean.retain` until the table is published",
      });
    }
  }

  /** As of an instant, or the newest; null when that is not in the lake any more. */
  async #state(instant: string | null): Promise<TableSnapshot | null> {
    const { schema } = this.#due;
    let state: TableSnapshot;
    try {
      state = await this.#reader.snapshot(instant);
    } catch (error) {
      if (instant !== null && isSyncError(error, "LAKE_TABLE_MISSING")) return null;
      throw error;
    }
    if (instant !== null && state.commit.instant !== instant) return null;
    if (state.commit.schema.version === schema.version) return state;
    throw syncError(
      "TABLE_SCHEMA_CHANGED",
      `${formatTableId(schema.id)} was taken anew in the lake, with other columns, while capture was at it`,
      { hint: "start `tallylake capture` again" },
    );
  }

  /** The rows behind the first `published`; false when their files were removed meanwhile. */
  async #publish(state: TableSnapshot, published: number): Promise<boolean> {
    const { sink, rows, signal, now } = this.#context;
    const { instant, rowsAfter } = state.commit;
    const { id } = this.#due.schema;
    const records = this.#records(state);
    this.#log.info("publishing the rows of a table", { instant, rows: rowsAfter, published });
    let reached = published;
    let toldMs = now();
    try {
      for await (const piece of rows.rows(state, published, signal)) {
        const batch = records.batch(piece, reached);
        reached += piece.count;
        await sink.add(batch, { instant, rows: reached });
        if (now() - toldMs < PROGRESS_MS) continue;
        toldMs = now();
        this.#log.info("publishing the rows of a table", { instant, rows: rowsAfter, published: reached });
      }
    } catch (error) {
      if (isSyncError(error) && error.code.startsWith("KAFKA_")) throw error;
      if (signal.aborted || (await this.#state(instant)) !== null) throw error;
      return false;
    }
    await sink.finish(id, { instant, rows: reached });
    this.#log.info("the rows of a table are published", { instant, rows: reached });
    return true;
  }

  #records({ commit: { instant, checkpoint } }: TableSnapshot): SnapshotRecords {
    const { config, sink } = this.#context;
    const { name: source, epoch } = config.source;
    // A table that no transaction was read for is as old as its commit.
    const commitUs = checkpoint.position.last?.commitUs ?? instantTimeMs(instant) * 1000;
    return new SnapshotRecords(
      this.#due.schema,
      { source, epoch, version: packageVersion() },
      { name: instant, commitUs, seq: sink.seq },
    );
  }
}
