import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SnapshotManifest, TablePlan } from "../capture/snapshot-manifest.ts";
import type { ChangeSource, LakeTable, SnapshotChunk, StagedChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import type { Log } from "../util/log.ts";
import { step } from "../util/step.ts";
import type { ProgressTracker } from "./progress-tracker.ts";

/** A table whose first commit is still to come. */
export interface SnapshotTable {
  readonly schema: TableSchema;
  readonly lake: LakeTable;
  readonly rowsEstimated: number | null;
  /** Folder for its chunk files; ours alone. */
  readonly dir: string;
}

export interface SnapshotOptions {
  readonly source: ChangeSource;
  readonly manifest: SnapshotManifest;
  readonly tables: readonly SnapshotTable[];
  /** Chunks that are read at the same time. */
  readonly parallel: number;
  readonly progress: ProgressTracker;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface Task {
  readonly table: SnapshotTable;
  readonly chunk: SnapshotChunk;
}

/**
 * Reads all chunks of the tables that are not staged yet. A chunk counts when it is durable and the manifest
 * says so; until then a crash makes the next start read it again.
 */
export async function readChunks(options: SnapshotOptions): Promise<void> {
  for (const table of options.tables) announce(table, options);
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const tasks = unread(options, signal);
  const worker = async (): Promise<void> => {
    for (let next = await tasks.next(); next.done !== true; next = await tasks.next()) {
      await readChunk(next.value, { ...options, signal });
    }
  };
  const workers = Array.from({ length: options.parallel }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    abort.abort(error);
    // The caller closes DuckDB then, which must not be while another worker stages a chunk.
    await Promise.allSettled(workers);
    throw error;
  }
}

function announce(table: SnapshotTable, { manifest, progress, log }: SnapshotOptions): void {
  const name = formatTableId(table.schema.id);
  const current = currentPlan(manifest, table.schema);
  const plan = current?.isComplete === true ? current : null;
  const rows = plan === null ? 0 : [...plan.done.values()].reduce((sum, chunk) => sum + chunk.rows, 0);
  const chunks = plan === null ? null : { done: plan.done.size, total: plan.chunks.length };
  progress.addTable({
    name,
    rows,
    chunks,
    total: table.rowsEstimated === null ? null : { rows: table.rowsEstimated, exact: false },
  });
  if (plan !== null && plan.done.size > 0) {
    log.info("the snapshot goes on", {
      table: name,
      chunksDone: plan.done.size,
      chunks: plan.chunks.length,
      rows,
    });
  }
}

/** The plan of a table, as long as it is for the schema that the table has now. */
function currentPlan(manifest: SnapshotManifest, schema: TableSchema): TablePlan | null {
  const plan = manifest.plan(schema.id);
  return plan?.schemaVersion === schema.version ? plan : null;
}

/** Chunks without a staged file, table by table, as the walk along the key finds them. */
async function* unread(options: SnapshotOptions, signal: AbortSignal): AsyncGenerator<Task, void, void> {
  const { source, manifest, progress } = options;
  for (const table of options.tables) {
    const name = formatTableId(table.schema.id);
    progress.setStage(name, "reading");
    const plan = currentPlan(manifest, table.schema);
    if (plan?.isComplete === true) {
      for (const chunk of plan.chunks) if (!plan.done.has(chunk.index)) yield { table, chunk };
      continue;
    }
    // Staged files of a plan that never became whole belong to no chunk of the new one.
    await rm(table.dir, { recursive: true, force: true });
    step("init.plan");
    await manifest.beginPlan(table.schema.id, table.schema.version);
    for await (const chunk of source.planChunks(table.schema, signal)) {
      await manifest.addBounds(table.schema.id, chunk);
      yield { table, chunk };
    }
    await manifest.endPlan(table.schema.id);
    step("init.planned");
    const { chunks, done } = must(manifest.plan(table.schema.id), "the plan that was made");
    progress.setChunks(name, { done: done.size, total: chunks.length });
  }
}

async function readChunk({ table, chunk }: Task, options: SnapshotOptions): Promise<void> {
  const { source, manifest, progress, signal } = options;
  await mkdir(table.dir, { recursive: true, mode: 0o700 });
  step("init.read");
  const writer = table.lake.chunkWriter(chunk.index, join(table.dir, `${chunk.index}.parquet`));
  try {
    const { readAtMs } = await source.readChunk(table.schema, chunk, { sink: writer, signal });
    step("init.stage");
    const done = await writer.finish();
    step("init.staged");
    await manifest.addChunk(table.schema.id, { ...done, readAtMs });
    progress.addRows(formatTableId(table.schema.id), done.rows);
  } finally {
    await writer.abandon();
  }
  step("init.recorded");
}

/** The staged chunks of a table, all of them. */
export function stagedChunks(manifest: SnapshotManifest, schema: TableSchema): readonly StagedChunk[] {
  const plan = must(currentPlan(manifest, schema), "the plan of a table that was read");
  return plan.chunks.map((chunk) => must(plan.done.get(chunk.index), `staged chunk ${chunk.index}`));
}
