/**
 * `tallylake init`: the tables of the config that are not in the lake yet get their first commit.
 *
 * | killed …                                  | the next run                                                     |
 * |-------------------------------------------|------------------------------------------------------------------|
 * | before the low watermark is in the manifest | begins with a new one                                            |
 * | while chunks are planned or read          | goes on with the same watermark, at the first chunk not recorded |
 * | while the stream runs to the high watermark | notes a new high watermark and streams again                     |
 * | between two tables' first commits         | the committed ones are done; the others go on as above           |
 * | after the last commit                     | finds nothing to do, and removes what is left of the manifest    |
 *
 * What the stream cannot pass, it cannot pass from this low watermark: the manifest goes with that error, and the
 * next run begins with a watermark that lies behind it.
 *
 * A table whose definition changed between the watermarks cannot be put together; its chunks are thrown away,
 * and the caller begins its snapshot anew, with its new definition.
 *
 * The low watermark is noted before the definitions count: what was read of them before is compared afterwards.
 *
 * A table that has its first commit and is to be renewed (`LakeTable.renew`) gets its new rows in the same way.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { MysqlSource } from "../capture/mysql-source.ts";
import { readTables } from "../capture/schema-reader.ts";
import { SnapshotManifest } from "../capture/snapshot-manifest.ts";
import { tableSchema } from "../capture/table-facts.ts";
import { InProcessChannel } from "../channel/in-process.ts";
import { Router } from "../dedup/router.ts";
import { TableApplier } from "../dedup/table-applier.ts";
import { isSyncError, syncError } from "../types/errors.ts";
import type { CommitResult, SnapshotStart, TableStop } from "../types/ports.ts";
import { reachesOffset, type SourcePosition } from "../types/source-position.ts";
import { formatTableId, tableKey } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import { messageOf } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { retry } from "../util/retry.ts";
import { step } from "../util/step.ts";
import { settingsFor, type Config } from "./config.ts";
import { runPipeline } from "./pipeline.ts";
import type { ProgressTracker } from "./progress-tracker.ts";
import { snapshotCounts } from "./snapshot-counts.ts";
import { readChunks, stagedChunks, type SnapshotTable } from "./snapshot.ts";

export interface InitRun {
  readonly config: Config;
  readonly source: MysqlSource;
  /** Folder for the manifest, the chunks and what does not fit into memory; it goes with the last commit. */
  readonly dir: string;
  /** Tables without a first commit, or that are renewed. */
  readonly tables: readonly SnapshotTable[];
  readonly progress: ProgressTracker;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** How long to wait for a source that went away; without it for ever. */
  readonly patienceMs?: number;
  /** How long to wait for the end of prepared XA transactions. */
  readonly xaWaitMs?: number;
}

export interface InitOutcome {
  readonly committed: readonly CommitResult[];
  /** Tables that could not be put together, with the reason. */
  readonly stopped: readonly TableStop[];
}

const XA_WAIT_MS = 60_000;

/** Where `init` works. */
export const snapshotDir = (config: Config): string => join(config.stateDir, "snapshot");
/** Where a running `follow` takes snapshots of tables again. */
export const renewalDir = (config: Config): string => join(config.stateDir, "renewal");

/**
 * @throws SyncError TABLE_SCHEMA_CHANGED or TABLE_ABSENT when a table changed while it was read: what is done
 *   is kept, and the next run goes on with the tables as they are then
 */
export async function runInit(run: InitRun): Promise<InitOutcome> {
  const manifest = await openManifest(run);
  await requireSameSchemas(run);
  await readChunks({ ...run, ...run.config.snapshot, manifest, tables: run.tables });
  step("init.read-all");
  const outcome = await finish(run, manifest, run.tables).catch(async (error: unknown) => {
    if (isSyncError(error) && IN_THE_WAY.has(error.code)) {
      run.log.warn("the snapshot that was begun cannot go on; the next run begins anew", {
        code: error.code,
      });
      await rm(run.dir, { recursive: true, force: true });
    }
    throw error;
  });
  // The mark of a table that stopped lies before what stopped it.
  await rm(run.dir, { recursive: true, force: true });
  return outcome;
}

/** What lies behind the low watermark and stays there, however often it is streamed from there. */
const IN_THE_WAY: ReadonlySet<string> = new Set([
  "BINLOG_COMPRESSED",
  "BINLOG_EVENT_CORRUPT",
  "BINLOG_EVENT_UNKNOWN",
  "BINLOG_GTID",
  "BINLOG_INCIDENT",
  "BINLOG_REFUSED",
  "BINLOG_STATEMENT",
  "SOURCE_HISTORY_BROKEN",
  "SOURCE_HISTORY_UNVERIFIED",
  "SOURCE_PURGED",
]);

/** A table that was altered between the reading of its definition and the low watermark. */
async function requireSameSchemas({ config, source, tables }: InitRun): Promise<void> {
  const ids = tables.map((table) => table.schema.id);
  const now = await source.pool.use((connection) => readTables(connection, ids));
  for (const { schema } of tables) {
    const facts = now.get(tableKey(schema.id));
    const version =
      facts === undefined ? undefined : tableSchema(facts, settingsFor(config, schema.id))?.version;
    if (version === schema.version) continue;
    throw syncError("TABLE_SCHEMA_CHANGED", `${formatTableId(schema.id)} was altered while \`init\` began`, {
      hint: "run `tallylake init` again, when nobody alters the table",
    });
  }
}

/** The manifest of the run before, while the binlog still reaches back to its low watermark; else a new one. */
async function openManifest(run: InitRun): Promise<SnapshotManifest> {
  const { config, source, log, dir } = run;
  const file = join(dir, "manifest.ndjson");
  const identity = { source: config.source.name, epoch: config.source.epoch };
  const known = await SnapshotManifest.read(file);
  if (known !== null) {
    const { serverUuid, purgedGtids } = await source.facts();
    const isOurs = known.identity.source === identity.source && known.identity.epoch === identity.epoch;
    if (isOurs && known.start.serverUuid === serverUuid && known.start.position.gtids.includes(purgedGtids))
      return known;
    log.warn("the snapshot that was begun cannot go on, and begins anew", {
      reason: isOurs
        ? "its binlogs are gone, or the server is another one"
        : "it belongs to another source or epoch",
    });
    await rm(dir, { recursive: true, force: true });
  }
  step("init.watermark");
  const start = await lowWatermark(run);
  return SnapshotManifest.create(file, identity, start);
}

/** A new mark each time: one that was made while an XA transaction was open is worth nothing. */
function lowWatermark({ source, log, signal, xaWaitMs = XA_WAIT_MS }: InitRun): Promise<SnapshotStart> {
  let waitedMs = 0;
  return retry(() => source.lowWatermark(), {
    name: "note the low watermark",
    attemptsMax: Infinity,
    delayMsMin: 200,
    delayMsMax: 5000,
    retryable: (error) => isSyncError(error, "SOURCE_XA_OPEN") && waitedMs < xaWaitMs,
    onRetry: (error, _attempt, delayMs) => {
      waitedMs += delayMs;
      log.warn("the snapshot waits for the end of prepared XA transactions", {
        cause: messageOf(error),
        remedy: isSyncError(error) ? error.hint : undefined,
        waitedMs: Math.round(waitedMs),
      });
    },
    random: Math.random,
    signal,
  });
}

/** Streams from the low to the high watermark and makes the first commits. */
async function finish(
  run: InitRun,
  manifest: SnapshotManifest,
  tables: readonly SnapshotTable[],
): Promise<InitOutcome> {
  const { config, source, progress, signal, now } = run;
  const { serverUuid } = manifest.start;
  const low = beginning(manifest, tables);
  const high = await source.highWatermark();
  step("init.high");
  for (const { schema } of tables) progress.setStage(formatTableId(schema.id), "catching up");
  const appliers = tables.map(
    ({ lake }) =>
      new TableApplier({ table: lake, identity: manifest.identity, serverUuid, now, isRenewed: true }),
  );
  for (const applier of appliers) await applier.table.discard();
  const stops: TableStop[] = [];
  const router = new Router({
    appliers,
    // The commit is made below, from the chunks and what is appended here.
    policy: null,
    now,
    onCommit: () => undefined,
    onStop: (_applier, stop) => stops.push(stop),
  });
  const channel = await InProcessChannel.open({
    rowsMax: 1_000_000,
    bytesMax: config.memory.queueBytes,
    spillBytes: config.memory.queueBytes,
    spillDir: join(run.dir, "spill"),
  });
  let reached: SourcePosition = low;
  try {
    const schemas = tables.map((table) => table.schema);
    const { patienceMs = null } = run;
    const stream = await source.stream({ schemas, from: low, form: channel.takes, serverUuid, patienceMs });
    await runPipeline({
      stream,
      channel,
      router,
      from: low,
      signal,
      tickMs: 1000,
      isEnough: () => {
        reached = furthest(appliers) ?? reached;
        return reachesOffset(reached, high);
      },
    });
  } finally {
    await channel.close();
  }
  if (!reachesOffset(reached, high) && !router.isAllStopped) {
    throw syncError(
      "SOURCE_CONNECTION_LOST",
      `the stream ended at ${reached.file}:${reached.offset}, before the snapshot's end at ${high.file}:${high.offset}`,
      {
        hint: "run `tallylake init` again: it goes on from here",
      },
    );
  }
  return { committed: await commitFirst(run, manifest, { tables, appliers }), stopped: stops };
}

/** The low watermark; what comes behind it has higher numbers than anything that the tables had before. */
function beginning(manifest: SnapshotManifest, tables: readonly SnapshotTable[]): SourcePosition {
  const { position } = manifest.start;
  const seqs = tables.map(({ lake }) => lake.checkpoint?.position.seq ?? 0);
  return { ...position, seq: Math.max(position.seq, ...seqs) };
}

function furthest(appliers: readonly TableApplier[]): SourcePosition | null {
  const going = appliers.find((applier) => applier.stop === null);
  return going?.position ?? null;
}

async function commitFirst(
  run: InitRun,
  manifest: SnapshotManifest,
  {
    tables,
    appliers,
  }: { readonly tables: readonly SnapshotTable[]; readonly appliers: readonly TableApplier[] },
): Promise<CommitResult[]> {
  const results: CommitResult[] = [];
  for (const [i, { schema, lake, dir }] of tables.entries()) {
    const applier = must(appliers[i], "the applier of a table");
    if (applier.stop !== null) continue;
    const name = formatTableId(schema.id);
    run.progress.setStage(name, "committing");
    const chunks = stagedChunks(manifest, schema);
    const info = applier.takeCommit(applier.position ?? beginning(manifest, tables));
    step("init.load");
    const counts = [...snapshotCounts(manifest, schema), ...info.counts];
    results.push(
      await lake.load(schema, chunks, { ...info, counts, snapshotFrom: manifest.start.position.gtids }),
    );
    step("init.loaded");
    await rm(dir, { recursive: true, force: true });
    run.progress.setStage(name, "done");
  }
  return results;
}
