/**
 * `tallylake follow`: the stream of the binlog into the tables of the lake.
 *
 * It begins at the smallest checkpoint of all tables and leaves out, table by table, what a table already
 * holds. Each table commits when it is due; a commit carries the position that it reaches, so a crash at any
 * point repeats work and loses none. A table that cannot go on stops alone and keeps its checkpoint.
 */
import { join } from "node:path";
import { requireBinlogs } from "../capture/history.ts";
import type { MysqlSource } from "../capture/mysql-source.ts";
import { InProcessChannel } from "../channel/in-process.ts";
import { Router } from "../dedup/router.ts";
import { TableApplier } from "../dedup/table-applier.ts";
import type { Checkpoint } from "../types/checkpoint.ts";
import { commonStart, heldBeyond } from "../types/common-start.ts";
import { isSyncError, syncError } from "../types/errors.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { Channel, CommitResult, LakeTable, StreamRequest, TableStop } from "../types/ports.ts";
import { reachesOffset, readUpTo, type BinlogOffset, type SourcePosition } from "../types/source-position.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { TablePattern } from "../types/table-pattern.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { messageOf } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import type { Config } from "./config.ts";
import { runCaptureLoop } from "./capture-loop.ts";
import { drain, runPipeline } from "./pipeline.ts";
import { publishSnapshots } from "./publish-snapshots.ts";
import type { UnderWay } from "./renewal.ts";
import { logStop } from "./table-keeping.ts";

export interface FollowRun {
  readonly config: Config;
  readonly source: MysqlSource;
  /** Opened tables; each has a first commit. */
  readonly tables: readonly LakeTable[];
  /** End when this has been reached; null to go on for ever. */
  readonly target: GtidSet | null;
  /**
   * Where the binlog ended then, which must be reached as well: what was written while GTIDs were off shows only
   * by its place. Without it the transactions alone decide.
   */
  readonly targetEnd?: BinlogOffset;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back: it decides when a commit is due. */
  readonly now: () => number;
  /** How long to wait for a source that went away; without it for ever. */
  readonly patienceMs?: number;
  /** The stream is about to run. */
  readonly onRunning: (state: Pick<FollowState, "appliers" | "backlog">) => void;
  readonly onCommit: (applier: TableApplier, result: CommitResult) => void;
  readonly onStop: (stop: TableStop, applier: TableApplier) => void;
  /** Opens the channel that the config names; without it capture and tables share this process's memory. */
  readonly openChannel?: OpenChannel;
}

/** Opens a channel that keeps what it was given, for tables that have a first commit. */
export type OpenChannel = (tables: readonly FollowedTable[], serverUuid: string) => Promise<Channel>;

export interface FollowedTable {
  readonly schema: TableSchema;
  readonly checkpoint: Checkpoint;
}

/** What can be asked of a running `follow`. */
export interface FollowState {
  readonly appliers: readonly TableApplier[];
  /** All tables that stand still until somebody does something, with why. */
  readonly stops: () => readonly TableStop[];
  /** Tables that stand still until they are read again, which is being done. */
  readonly underWay?: () => readonly UnderWay[];
  /** Reads tables again, those that it has; absent where the source is not read. */
  readonly resnapshot?: (patterns: readonly TablePattern[]) => readonly TableId[];
  /** Rows and bytes between capture and the tables. */
  readonly backlog: () => { readonly rows: number; readonly bytes: number };
}

export const TICK_MS = 100;

/** Resolves when the target is reached, when the signal has ended it, or when every table has stopped. */
export async function runFollow(run: FollowRun): Promise<void> {
  const { config, tables, now } = run;
  const identity = { source: config.source.name, epoch: config.source.epoch };
  const { serverUuid } = must(tables[0]?.checkpoint, "the checkpoint of a table");
  const appliers = tables.map((table) => new TableApplier({ table, identity, serverUuid, now }));
  // What Kafka holds need not be in the binlog any more; where capture begins, it looks for itself.
  if (run.openChannel === undefined) await haltUnserved(run, appliers);
  const router = new Router({
    appliers,
    policy: config.commit,
    now,
    onCommit: run.onCommit,
    onStop: (applier, stop) => {
      run.onStop(stop, applier);
    },
  });
  const going = appliers.filter((applier) => applier.stop === null).map((applier) => applier.table);
  const from = startOf(going);
  if (run.openChannel === undefined) await requireHistory(run, going);
  if (isCaughtUp(run, from)) return;
  const held = heldBeyond(from, followed(going));
  const streaming = { router, appliers, request: { schemas: schemasOf(going), from, serverUuid, held } };
  if (run.openChannel === undefined) await streamInto(run, streaming);
  else await streamThrough(await run.openChannel(followed(going), serverUuid), run, streaming);
  await router.commitAll();
}

function isCaughtUp({ target, targetEnd }: FollowRun, at: SourcePosition): boolean {
  if (target === null || !readUpTo(at).includes(target)) return false;
  return targetEnd === undefined || reachesOffset(at, targetEnd);
}

const schemasOf = (tables: readonly LakeTable[]): readonly TableSchema[] =>
  tables.map((table) => must(table.schema, "the schema of a table with a commit"));

/**
 * A table whose binlogs are gone stops alone: it may have stood still for long, because it had stopped.
 * @throws SyncError when this is so for all of them
 */
async function haltUnserved({ source, onStop }: FollowRun, appliers: readonly TableApplier[]): Promise<void> {
  const { purgedGtids } = await source.facts();
  for (const applier of appliers) {
    const { checkpoint, id } = applier.table;
    const at = must(checkpoint, "the checkpoint of a table").position;
    try {
      requireBinlogs(at, purgedGtids);
    } catch (error) {
      const isLast = appliers.every((other) => other === applier || other.stop !== null);
      if (!isSyncError(error) || isLast) throw error;
      const { code, message, hint } = error;
      const stop = { table: id, code, message, hint, at };
      await applier.halt(stop);
      onStop(stop, applier);
    }
  }
}

/**
 * The stream itself sees only whether its own beginning is in the history of the server. A table that stands
 * further on would take other transactions of the same numbers for those that it has, and nothing at all is
 * asked when there is nothing to stream.
 */
async function requireHistory({ source }: FollowRun, tables: readonly LakeTable[]): Promise<void> {
  const places = new Map<string, Checkpoint>();
  for (const { checkpoint } of tables) {
    const known = must(checkpoint, "the checkpoint of a table");
    const { last, gtids } = known.position;
    places.set(`${known.serverUuid} ${last?.gtid ?? ""} ${last?.hash ?? ""} ${gtids.toString()}`, known);
  }
  for (const { position, serverUuid } of places.values()) await source.requireHistory(position, serverUuid);
}

interface Streaming {
  readonly router: Router;
  readonly appliers: readonly TableApplier[];
  readonly request: Omit<StreamRequest, "form">;
}

async function streamInto(run: FollowRun, { router, appliers, request }: Streaming): Promise<void> {
  const { config, source, signal, log, patienceMs = null } = run;
  const channel = await InProcessChannel.open({
    rowsMax: 1_000_000,
    bytesMax: config.memory.queueBytes,
    spillBytes: config.memory.queueBytes,
    spillDir: join(config.stateDir, "spill"),
  });
  run.onRunning({ appliers, backlog: () => channel.backlog() });
  try {
    const isEnough = (): boolean => router.hasReached((position) => isCaughtUp(run, position));
    const { from } = request;
    const stream = await source.stream({ ...request, form: channel.takes, patienceMs });
    await runPipeline({ stream, channel, router, from, signal, tickMs: TICK_MS, isEnough });
  } catch (error) {
    // What came before the end of the stream is whole, and need not be read again.
    if (isSyncError(error) && /^(SOURCE|BINLOG)_/.test(error.code)) {
      await router.commitAll().catch((failure: unknown) => {
        log.warn("what was read before could not be committed", { cause: messageOf(failure) });
      });
    }
    throw error;
  } finally {
    await router.settle();
    await channel.close();
  }
}

/** Capture and tables as two loops with a channel between them that keeps what it was given. */
async function streamThrough(channel: Channel, run: FollowRun, streaming: Streaming): Promise<void> {
  const { router, appliers, request } = streaming;
  const { config, source, signal, log, now, patienceMs = null } = run;
  const stop = new AbortController();
  const any = AbortSignal.any([signal, stop.signal]);
  run.onRunning({ appliers, backlog: () => channel.backlog() });
  const capturing = runCaptureLoop({
    channel,
    openStream: ({ from, schemas }) =>
      source.stream({ ...request, from, schemas, form: channel.takes, patienceMs }),
    publish: (sink) => publishSnapshots(sink, { config, log, signal: any, now }),
    isEnough: (position) => isCaughtUp(run, position),
    onResume: () => undefined,
    onPosition: () => undefined,
    signal: any,
    log,
    now,
    random: Math.random,
    patienceMs,
  });
  // Its failure comes by way of the channel, whose reader ends with it.
  capturing.catch((error: unknown) => {
    channel.fail(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    const isEnough = (): boolean => router.hasReached((position) => isCaughtUp(run, position));
    await drain({ channel, router, from: request.from, isEnough, signal: any, tickMs: TICK_MS });
  } finally {
    stop.abort();
    await capturing.catch(() => undefined);
    await router.settle();
    await channel.close();
  }
}

export const followed = (tables: readonly LakeTable[]): readonly FollowedTable[] =>
  tables.map(({ schema, checkpoint }) => ({
    schema: must(schema, "the schema of a table with a commit"),
    checkpoint: must(checkpoint, "the checkpoint of a table"),
  }));

/** @throws SyncError LAKE_TABLE_MISSING when one of them has no first commit */
export function startOf(tables: readonly LakeTable[]): SourcePosition {
  return commonStart(
    tables.map(({ checkpoint, id }) => {
      if (checkpoint !== null) return checkpoint;
      throw syncError("LAKE_TABLE_MISSING", `${formatTableId(id)} has no first commit in the lake`, {
        hint: "run `tallylake init`",
      });
    }),
  );
}

export const stopsOf = (appliers: readonly TableApplier[]): readonly TableStop[] =>
  appliers.flatMap(({ stop }) => stop ?? []);

export function remind(stops: readonly TableStop[], log: Log): void {
  for (const stop of stops) logStop(stop, log);
}
