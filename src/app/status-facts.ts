/**
 * Gathers what `status` shows, from places of which any may be missing: the source, the lake, a snapshot that has
 * begun, a running process, the trace store. What one of them does not say is not known, and the rest is shown.
 */
import { join } from "node:path";
import { discoverTables } from "../capture/schema-reader.ts";
import type { MysqlSource } from "../capture/mysql-source.ts";
import { SnapshotManifest, type TablePlan } from "../capture/snapshot-manifest.ts";
import { instantTimeMs } from "../lake/instant.ts";
import { lockHolder } from "../lake/lock-holder.ts";
import { TableReader } from "../lake/table-reader.ts";
import type { OwnCommit } from "../lake/table-state.ts";
import { GtidSet } from "../types/gtid.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import { formatAddress } from "../util/address.ts";
import { messageOf, SyncError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { DaemonClient } from "./daemon-client.ts";
import type { DaemonStatus, DaemonStop } from "./daemon-protocol.ts";
import { snapshotDir } from "./init.ts";
import { isMeant, lakeTables } from "./lake-tables.ts";
import { openSource } from "./session.ts";
import type {
  CommitFacts,
  SourceHead,
  StatusFacts,
  StopFacts,
  TableStatusFacts,
  WorkerFacts,
} from "./status-model.ts";
import { gatherChannel } from "./status-channel.ts";
import { traceStatus } from "./status-trace.ts";
import { holdsStop, readStops } from "./stop-register.ts";

export async function gatherStatus(context: CommandContext): Promise<StatusFacts> {
  const { config, now } = context;
  const source = await lookAtSource(context);
  const daemon = await askDaemon(context);
  const manifest = await orUnknown(context, "the progress of the snapshot", () =>
    SnapshotManifest.peek(join(snapshotDir(config), "manifest.ndjson")),
  );
  const stops = (await orUnknown(context, "the tables that stopped", () => readStops(config.stateDir))) ?? [];
  const inLake = await lakeTables(config);
  const ids = allTables([...source.tables, ...inLake, ...(manifest?.tables ?? [])], context);
  const tables: TableStatusFacts[] = [];
  for (const id of ids) {
    const facts = await lakeFacts(config.lakeDir, id);
    const renewal = daemon?.renewals.find((one) => isOf(id, one)) ?? null;
    tables.push({
      ...facts,
      snapshot:
        renewal === null
          ? snapshotOf(manifest?.plan(id) ?? null)
          : { chunksDone: renewal.chunks?.done ?? 0, chunks: renewal.chunks?.total ?? null },
      stop: renewal === null ? stopOf(facts, daemon, stops) : null,
      renewal: renewal === null ? null : stopFacts(renewal),
      quiet: quietOf(facts, daemon),
    });
  }
  return {
    nowMs: now(),
    source: {
      name: config.source.name,
      address: formatAddress(config.source),
      head: source.head,
      error: source.error,
    },
    worker: await workerFacts(context, daemon, ids),
    tables,
    trace: daemon === null ? await traceStatus(context, inLake) : daemon.trace,
    channel: await gatherChannel(context, inLake),
    idleEveryMs: config.commit.idleEveryMs,
  };
}

interface SourceView {
  readonly head: SourceHead | null;
  readonly error: string | null;
  /** The tables that it has of those that the config means. */
  readonly tables: readonly TableId[];
}

async function lookAtSource(context: CommandContext): Promise<SourceView> {
  const source = openSource(context);
  try {
    const head = await readHead(source);
    return { head, error: null, tables: await sourceTables(source, context) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { head: null, error: error.message, tables: [] };
  } finally {
    await source.close();
  }
}

async function readHead(source: MysqlSource): Promise<SourceHead> {
  const facts = await source.facts();
  const [row] = await source.pool.use((connection) =>
    connection.query("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS UNSIGNED)"),
  );
  return { ...facts, atMs: Number(row?.[0]) };
}

async function sourceTables(source: MysqlSource, { config }: CommandContext): Promise<readonly TableId[]> {
  const { tables: include, exclude } = config;
  return (await source.pool.use((connection) => discoverTables(connection, { include, exclude }))).tables;
}

/** What cannot be read is said, and then not known. */
async function orUnknown<T>(
  { log }: CommandContext,
  what: string,
  read: () => Promise<T | null>,
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    log.warn(`${what} cannot be read`, { code: error.code, cause: error.message, remedy: error.hint });
    return null;
  }
}

async function askDaemon(context: CommandContext): Promise<DaemonStatus | null> {
  return await orUnknown(context, "what the running follow says", async () => {
    const daemon = await DaemonClient.find(context.config.stateDir);
    return daemon === null ? null : await daemon.status();
  });
}

/** Tables that are there in any way, and those that the config names in full. By name. */
function allTables(found: readonly TableId[], { config }: CommandContext): readonly TableId[] {
  const byKey = new Map(found.filter((id) => isMeant(config, id)).map((id) => [tableKey(id), id]));
  const names = new Set([...byKey.values()].map((id) => formatTableId(id).toLowerCase()));
  for (const { text } of config.tables) {
    const [, database = "", table = ""] = /^([^/.*?][^.*?]*)\.([^*?]+)$/.exec(text) ?? [];
    const id = { database, table };
    // A server that folds case may have the table under another spelling.
    if (table === "" || names.has(text.toLowerCase()) || !isMeant(config, id)) continue;
    byKey.set(tableKey(id), id);
  }
  return [...byKey.values()].sort((a, b) => (formatTableId(a) < formatTableId(b) ? -1 : 1));
}

type LakeFacts = Pick<TableStatusFacts, "id" | "checkpoint" | "commits" | "lakeError">;

const COMMITS_READ = 5;

async function lakeFacts(lakeDir: string, id: TableId): Promise<LakeFacts> {
  try {
    const commits = await new TableReader(lakeDir, id).newest(COMMITS_READ);
    const checkpoint = commits[0]?.checkpoint ?? null;
    return { id, checkpoint, commits: commits.map(commitFacts), lakeError: null };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { id, checkpoint: null, commits: null, lakeError: messageOf(error) };
  }
}

function commitFacts({ instant, stats, rowsAfter }: OwnCommit): CommitFacts {
  const sum = (of: (stat: OwnCommit["stats"][number]) => number): number =>
    stats.reduce((total, stat) => total + of(stat), 0);
  return {
    instant,
    atMs: instantTimeMs(instant),
    inserted: sum((stat) => stat.inserted),
    updated: sum((stat) => stat.updated),
    deleted: sum((stat) => stat.deleted),
    rowsAfter,
  };
}

const isOf = (id: TableId, one: { readonly database: string; readonly table: string }): boolean =>
  one.database === id.database && one.table === id.table;

/** A process that follows the table knows; else what the last one left behind, while the table stands there. */
function stopOf(
  { id, checkpoint, commits }: LakeFacts,
  daemon: DaemonStatus | null,
  recorded: readonly DaemonStop[],
): StopFacts | null {
  const isFollowed = daemon?.tables.some((table) => isOf(id, table)) ?? false;
  const stop = (isFollowed ? (daemon?.stops ?? []) : recorded).find((one) => isOf(id, one));
  if (stop === undefined) return null;
  const holds = isFollowed || commits === null || holdsStop(stop, checkpoint?.position.gtids ?? null);
  return holds ? stopFacts(stop) : null;
}

const stopFacts = ({ code, message, hint, file, offset }: DaemonStop): StopFacts => ({
  ...{ code, message, hint, file, offset },
});

const snapshotOf = (plan: TablePlan | null): TableStatusFacts["snapshot"] =>
  plan === null ? null : { chunksDone: plan.done.size, chunks: plan.isComplete ? plan.chunks.length : null };

function quietOf({ id, checkpoint }: LakeFacts, daemon: DaemonStatus | null): TableStatusFacts["quiet"] {
  const known = daemon?.tables.find((table) => isOf(id, table));
  // A commit that came after the answer is known better from the lake.
  if (known === undefined || known.checkpoint !== checkpoint?.position.gtids.toString()) return null;
  return { through: GtidSet.parse(known.through), commitMs: known.throughCommitMs };
}

async function workerFacts(
  { config }: CommandContext,
  daemon: DaemonStatus | null,
  tables: readonly TableId[],
): Promise<WorkerFacts> {
  if (daemon !== null) return { state: "alive", pid: daemon.pid, sinceMs: daemon.sinceMs };
  const holder = await lockHolder(config.lakeDir, tables);
  if (holder.state === "held") return { state: "alive", pid: holder.pid, sinceMs: null };
  return { state: holder.state === "free" ? "absent" : "unknown", pid: null, sinceMs: null };
}
