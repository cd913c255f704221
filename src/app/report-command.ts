import { availableParallelism } from "node:os";
import { join } from "node:path";
import { countSource } from "../capture/source-count.ts";
import { LakeDatabase } from "../lake/duckdb.ts";
import { countLakeRows } from "../lake/lake-arm.ts";
import { TableReader } from "../lake/table-reader.ts";
import { reconcileTable, type Arm, type TableInput } from "../trace/reconcile.ts";
import { buildReport, reportExitCode, type TableReport } from "../trace/report.ts";
import { reportJson } from "../trace/report-json.ts";
import { renderReport } from "../trace/report-view.ts";
import { GtidSet } from "../types/gtid.ts";
import type { TraceRecord } from "../types/ports.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { matchesTable } from "../types/table-pattern.ts";
import { messageOf } from "../util/errors.ts";
import type { CommandContext, ReportOptions } from "./command.ts";
import { deepCompare } from "./deep-compare.ts";
import { lakeTables } from "./lake-tables.ts";
import { Resources } from "./lifecycle.ts";
import { identityOf, openSource, serverIdOf } from "./session.ts";
import { tableWriter } from "./table-writer.ts";
import { openTraceReader } from "./trace-reader.ts";

/** `tallylake report`. */
export async function reportCommand(context: CommandContext, options: ReportOptions): Promise<number> {
  const { config, log, out, paint, now, signal } = context;
  const resources = new Resources((name, error) => {
    log.warn(`${name} could not be closed`, { cause: messageOf(error) });
  });
  return resources.use(async () => {
    const source = await resources.open(
      "the source",
      async () => openSource(context),
      (opened) => opened.close(),
    );
    const db = await resources.open(
      "DuckDB",
      () => openDatabase(context),
      (opened) => opened.close(),
    );
    const ids = await chosenTables(context, options);
    const trace = await resources.open(
      "the trace store",
      () => openTraceReader(context, ids),
      (opened) => opened.close(),
    );
    const sinceMs = options.sinceMs ?? 0;
    const records = await trace.records({ source: config.source.name, tables: ids, sinceMs });
    const byTable = Map.groupBy(records, (record) => tableKey(record.table));
    const arms = await sourceArms(context, byTable);
    const tables: TableReport[] = [];
    for (const id of ids) {
      const reader = new TableReader(config.lakeDir, id);
      const own = byTable.get(tableKey(id)) ?? [];
      const source_ = arms.get(tableKey(id)) ?? {
        state: "unavailable" as const,
        reason: "no commit is recorded",
      };
      const input: TableInput = {
        table: id,
        records: own,
        source: source_,
        lake: await lakeArm(db, reader, own),
      };
      const deep = options.deep
        ? await deepCompare({ source, db, table: reader, signal, writer: () => tableWriter(config, id) })
        : null;
      tables.push({ ...reconcileTable(input, { windowMs: options.windowMs }), deep });
    }
    const report = buildReport({
      source: config.source.name,
      atMs: now(),
      sinceMs: options.sinceMs,
      windowMs: options.windowMs,
      tables,
      queuedCommits: trace.queuedCommits,
    });
    out.write(
      options.format === "json" ? reportJson(report) : renderReport(report, { width: out.columns, paint }),
    );
    return reportExitCode(report);
  });
}

const openDatabase = ({ config }: CommandContext): Promise<LakeDatabase> =>
  LakeDatabase.open({
    memoryBytesMax: config.memory.duckdbBytes,
    threads: availableParallelism(),
    tempDir: join(config.stateDir, "tmp"),
  });

/** Tables of the lake that the config means, and of those the ones that were asked for. */
async function chosenTables(
  { config }: CommandContext,
  { tables }: ReportOptions,
): Promise<readonly TableId[]> {
  const all = await lakeTables(config);
  return tables.length === 0 ? all : all.filter((id) => tables.some((pattern) => matchesTable(pattern, id)));
}

/** Names of the key's columns of those tables whose key the binlog does not name. */
async function namedKeys(
  { lakeDir }: CommandContext["config"],
  byTable: ReadonlyMap<string, readonly TraceRecord[]>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const keys = new Map<string, readonly string[]>();
  for (const [key, [first]] of byTable) {
    const latest = first === undefined ? null : await new TableReader(lakeDir, first.table).latest();
    if (latest?.schema.keyIndex !== undefined) keys.set(key, latest.schema.primaryKey);
  }
  return keys;
}

/** Counts the source's binlog once more over the commits of all tables, in one pass. */
async function sourceArms(
  { config, signal, log }: CommandContext,
  byTable: ReadonlyMap<string, readonly TraceRecord[]>,
): Promise<ReadonlyMap<string, Arm>> {
  const keys = await namedKeys(config, byTable);
  const tables = [...byTable.values()].flatMap((records) => {
    const [first] = records;
    if (first === undefined) return [];
    // A first commit that does not say where its snapshot began cannot be counted again.
    const isOpen = first.fromGtids === "" && first.snapshotGtids === null;
    const from = GtidSet.parse(isOpen ? first.toGtids : (first.snapshotGtids ?? first.fromGtids));
    const counted = isOpen ? records.slice(1) : records;
    const commits = counted.map(({ commit, toGtids, snapshotGtids }) => ({
      commit,
      to: GtidSet.parse(toGtids),
      ...(snapshotGtids === null ? {} : { snapshotFrom: GtidSet.parse(snapshotGtids) }),
    }));
    return [{ id: first.table, key: keys.get(tableKey(first.table)), from, commits }];
  });
  const until = tables
    .flatMap(({ commits }) => commits.map(({ to }) => to))
    .reduce((a, b) => a.union(b), GtidSet.empty);
  const arms = new Map<string, Arm>();
  try {
    const counted = await countSource({
      endpoint: config.source,
      serverId: serverIdOf(config, "report"),
      identity: identityOf(config),
      tables,
      until,
      signal,
    });
    const counts = new Map(
      counted.map((count) => [`${tableKey(count.table)} ${count.commit}`, count.counts]),
    );
    for (const [key, records] of byTable) {
      const counted_ = records.flatMap((record) => {
        const own = counts.get(`${key} ${record.commit}`);
        return own === undefined ? [] : [{ ...record, counts: own }];
      });
      arms.set(key, { state: "available", records: counted_ });
    }
  } catch (error) {
    log.warn("the source cannot be counted again", { cause: messageOf(error) });
    for (const key of byTable.keys()) arms.set(key, { state: "unavailable", reason: messageOf(error) });
  }
  return arms;
}

async function lakeArm(db: LakeDatabase, table: TableReader, records: readonly TraceRecord[]): Promise<Arm> {
  const counted: TraceRecord[] = [];
  for (const record of records) {
    const arm = await countLakeRows(db, table, record.commit);
    // A commit whose files were cleaned away is not checked, which the report says.
    if (arm.state === "available") counted.push({ ...record, counts: arm.counts });
  }
  return { state: "available", records: counted };
}
