/**
 * One table of the lake: a real Apache Hudi table (table version 6, timeline layout 1, copy-on-write, simple
 * bucket index, not partitioned), written with DuckDB and without a JVM.
 *
 * Job. Takes a snapshot's staged chunks and then batches of changes, and turns them into commits: each is an
 * exact cut of the source table at one position, and carries that position and the counts that prove it.
 *
 * Guarantees. What a commit holds is visible as a whole or not at all, to every reader of Hudi tables. A
 * commit that was acknowledged survives the loss of power. Whatever was there before a commit that failed is
 * there after it. There is one writer: the kernel holds its lock (`lock.ts`), and a writer that lost its
 * place in spite of it notices before it begins and after it ends a commit. A table that is not as we left
 * it is refused and never repaired by guessing.
 *
 * Commit protocol, in this order:
 *
 *   1. stage     The changes are typed files in a folder of the process; the last change of each key is known.
 *   2. look      The record has our fence, the timeline holds exactly the commits that we know, and the latest
 *                base files are those of the last one.
 *   3. record    `.hoodie/.aux/tallylake.json` says which instant we are about to begin.
 *   4. begin     `T.commit.requested`, then `T.inflight`.
 *   5. write     For each touched bucket: a marker, the file under a temporary name, flushed, renamed into
 *                place. Then the folder is flushed.
 *   6. complete  The record still has our fence; `T.commit` comes into being by a link, with all of its
 *                content: THE COMMIT.
 *   7. look      The timeline holds our commit and nothing else that is new.
 *   8. tidy      Markers, properties, record, staged files.
 *
 * | the process dies …        | what readers see  | what the next opening does                                |
 * |---------------------------|-------------------|-----------------------------------------------------------|
 * | in 1, 2                   | the state before  | removes the folder of the dead process                    |
 * | in 3, before 4            | the state before  | nothing: the recorded instant is on no timeline           |
 * | in 4, 5, before 6         | the state before¹ | removes files of T, markers, inflight, requested, in turn |
 * | in 6, before the link     | the state before¹ | the same, and the temporary file                          |
 * | after the link, in 7, 8   | the new state     | takes T for the last commit, removes its markers          |
 * | while it recovers         | as it was         | begins the recovery again, each step may be repeated      |
 * | while it cleans           | the latest state  | the next cleaning goes on; only replaced slices are gone  |
 *
 * ¹ ClickHouse and old versions of hudi-rs read files and not the timeline: they see a renamed file at once.
 *
 * After an error in a commit the object takes no more changes and must be closed: whether the commit counts
 * is decided by what is on disk, when the table is opened again.
 *
 * A table can be renewed: one commit then replaces all of its rows, and its schema with them, by those of a new
 * snapshot. It writes a slice for every file group, also where no rows are left, so that readers see the old table or
 * the new one, and the slices before stay for who reads an earlier state. With another primary key the properties
 * name other record keys; they follow in step 8, and the next opening makes up for it when a crash came between.
 *
 * Columns that came, went or have another name are a commit of their own, which writes every file anew: with files of
 * two schemas hudi-rs gives batches of two schemas, and ClickHouse leaves the new column out.
 *
 * Limits. Local disk. Old instants are not trimmed, so each commit lists three names for every commit ever
 * made; 100,000 of them cost some tenths of a second. Base files have no bloom filters and no key range, which
 * a co-writer on the default index would want; co-writers are refused anyway. The number of buckets is fixed.
 * Loading reads the staged files once for each bucket, skipping most of each from five buckets on.
 */
import type { ColumnMapping } from "../types/column-change.ts";
import type { ChangeBatch } from "../types/change-batch.ts";
import type { Checkpoint } from "../types/checkpoint.ts";
import { syncError } from "../types/errors.ts";
import type {
  ChunkWriter,
  CommitInfo,
  CommitRecord,
  CommitResult,
  LakeTable,
  StagedChunk,
} from "../types/ports.ts";
import { formatTableId, resnapshotHint, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { assert, must } from "../util/assert.ts";
import { ChangeStage } from "./change-stage.ts";
import { loadableChunks } from "./chunk-stage.ts";
import { ChunkFile } from "./chunk-writer.ts";
import { cleanTable } from "./cleaning.ts";
import { runCommit, type CommitInput } from "./commit-run.ts";
import { tablePaths } from "./lake-path.ts";
import { openTable, type OpenedTable } from "./open-table.ts";
import { rowShape, type RowShape } from "./row-shape.ts";
import { LocalStorage } from "./storage-local.ts";
import type { HudiTableOptions, TableFolder } from "./table-options.ts";
import { commitRecord, readCommit, type TableState } from "./table-state.ts";
import { TimelineFolder } from "./timeline.ts";
import { assertUndisturbed } from "./undisturbed.ts";

/** Opens the table, or makes ready for its first commit. The caller closes it. */
export async function openHudiTable(options: HudiTableOptions): Promise<LakeTable> {
  const paths = tablePaths(options.lakeDir, options.id);
  const storage = new LocalStorage(paths.aux);
  const folder: TableFolder = { storage, paths, timeline: new TimelineFolder(storage, paths.hoodie) };
  return new HudiTable(options, folder, await openTable(options, folder));
}

class HudiTable implements LakeTable {
  readonly #options: HudiTableOptions;
  readonly #folder: TableFolder;
  readonly #lock: OpenedTable["lock"];
  readonly #stage: ChangeStage;
  readonly #buckets: number;
  #state: TableState;
  /** What the next `load` makes of the table; null while it takes changes of what it is. */
  #renewed: TableSchema | null = null;
  /** A commit that failed leaves the question open whether it counts; only opening anew answers it. */
  #failure: Error | null = null;
  #isClosed = false;

  constructor(options: HudiTableOptions, folder: TableFolder, opened: OpenedTable) {
    this.#options = options;
    this.#folder = folder;
    this.#lock = opened.lock;
    this.#state = opened.state;
    this.#buckets = opened.state.last?.buckets ?? options.buckets;
    const { db, identity, id } = options;
    this.#stage = new ChangeStage({ db, identity, id, committedSeq: this.#committedSeq });
  }

  get id(): TableId {
    return this.#options.id;
  }

  get schema(): TableSchema | null {
    return this.#state.last?.schema ?? null;
  }

  get checkpoint(): Checkpoint | null {
    return this.#state.last?.checkpoint ?? null;
  }

  get pendingRows(): number {
    return this.#stage.rows;
  }

  chunkWriter(index: number, target: string): ChunkWriter {
    this.#throwUnusable();
    const { db, schema } = this.#options;
    return new ChunkFile({ db, shape: this.#shapeOf(this.#renewed ?? schema), index, target });
  }

  async append(batch: ChangeBatch): Promise<void> {
    this.#throwUnusable();
    const schema = this.#renewed ?? this.schema;
    if (schema !== null && schema.version !== batch.schema.version) {
      throw syncError(
        "TABLE_SCHEMA_CHANGED",
        `${formatTableId(this.id)}: the table in the lake has schema ${schema.version}, and the changes have ${batch.schema.version}`,
        { hint: resnapshotHint(this.id) },
      );
    }
    await this.#stage.append(batch, this.#shapeOf(batch.schema));
  }

  async discard(): Promise<void> {
    await this.#stage.clear(this.#committedSeq);
  }

  async renew(schema: TableSchema): Promise<void> {
    this.#throwUnusable();
    this.#shapeOf(schema);
    await this.discard();
    this.#renewed = schema;
  }

  async load(schema: TableSchema, chunks: readonly StagedChunk[], info: CommitInfo): Promise<CommitResult> {
    this.#throwUnusable();
    assert(
      this.#state.last === null || this.#renewed?.version === schema.version,
      "a table is loaded by its first commit, or when it is renewed",
    );
    const shape = this.#shapeOf(schema);
    const loadable = await loadableChunks(this.#options.db, shape, chunks);
    const changes = await this.#stage.finish();
    assert(
      changes === null || changes.shape.schema.version === schema.version,
      "chunks and changes have one schema",
    );
    return this.#commit({ shape, changes, chunks: loadable.filter((chunk) => chunk.rows > 0), info });
  }

  async commit(info: CommitInfo): Promise<CommitResult> {
    this.#throwUnusable();
    const { schema } = must(this.#state.last, "the first commit of a table");
    assert(this.#renewed === null, "a table that is renewed is loaded next");
    const changes = await this.#stage.finish();
    return this.#commit({ shape: this.#shapeOf(schema), changes, chunks: null, info });
  }

  async evolve(schema: TableSchema, mapping: ColumnMapping, info: CommitInfo): Promise<CommitResult> {
    this.#throwUnusable();
    assert(this.#state.last !== null && this.#renewed === null, "a table that has rows gets other columns");
    assert(this.#stage.rows === 0, "changes of the old columns are committed before");
    return this.#commit({ shape: this.#shapeOf(schema), changes: null, chunks: null, info, mapping });
  }

  async clean(beforeMs: number): Promise<{ readonly filesRemoved: number; readonly bytesRemoved: number }> {
    this.#throwUnusable();
    await assertUndisturbed(this.#folder, this.#state);
    return cleanTable(this.#folder, this.#state.completed, beforeMs);
  }

  async commits(after: string | null): Promise<readonly CommitRecord[]> {
    const { timeline, paths } = this.#folder;
    const records: CommitRecord[] = [];
    for (const instant of this.#state.completed) {
      if (after !== null && instant <= after) continue;
      records.push(commitRecord(await readCommit(timeline, paths.root, instant)));
    }
    return records;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.discard();
    } finally {
      await this.#lock.release();
    }
  }

  async #commit(input: CommitInput): Promise<CommitResult> {
    const { source, epoch } = input.info.checkpoint;
    const { identity } = this.#options;
    assert(source === identity.source && epoch === identity.epoch, "a checkpoint is of the table's source");
    const seen = { prepared: false };
    const onPrepared = (): void => {
      seen.prepared = true;
    };
    try {
      const from = { state: this.#state, input, onPrepared };
      const { state, result } = await runCommit(this.#options, this.#folder, from);
      this.#state = state;
      this.#renewed = null;
      await this.#stage.clear(this.#committedSeq);
      return result;
    } catch (error) {
      if (seen.prepared) this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  get #committedSeq(): number {
    return this.#state.last?.checkpoint.position.seq ?? 0;
  }

  #shapeOf(schema: TableSchema): RowShape {
    const { zeroDates } = this.#options;
    return rowShape(schema, { zeroDates, buckets: this.#buckets });
  }

  #throwUnusable(): void {
    assert(!this.#isClosed, "the table is closed");
    if (this.#failure !== null) throw this.#failure;
  }
}
