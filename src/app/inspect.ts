/** What `check` and `new` look at. Nothing is changed anywhere, and no lock is taken. */
import { constants } from "node:fs";
import { serverName } from "../capture/server-number.ts";
import { access, stat } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import path from "node:path";
import { ConnectionPool } from "../capture/connection-pool.ts";
import type { MysqlConnection } from "../capture/connection.ts";
import { preflight } from "../capture/preflight.ts";
import { tableSchema, type TableFacts } from "../capture/table-facts.ts";
import { bucketCountFor } from "../lake/bucket.ts";
import { readRecord } from "../lake/checkpoint.ts";
import { tablePaths } from "../lake/lake-path.ts";
import { LocalStorage } from "../lake/storage-local.ts";
import { openClickHouse } from "../trace/clickhouse-connection.ts";
import { BY_PRIMARY_KEY } from "../types/key-choice.ts";
import type { ErrorCode } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { parseTablePattern, type TablePattern } from "../types/table-pattern.ts";
import { formatAddress } from "../util/address.ts";
import { codeOf, SyncError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { settingsFor, type Config, type TraceConfig } from "./config.ts";
import { inspectChannel } from "./inspect-channel.ts";
import type { NewSource } from "./new.ts";
import type { CheckedTable, CheckResult } from "./problem-view.ts";
import type { DiscoveredTable } from "./starter-config.ts";

/** Source, lake and trace store, each by itself: what is wrong with one does not hide the others. */
export async function inspectAll({ config, signal, now }: CommandContext): Promise<CheckResult> {
  const source = await inspectSource(config, signal);
  const lake = await inspectLake(config, source.tables);
  const trace = await inspectTrace(config.trace);
  const channel =
    config.channel === null
      ? null
      : await inspectChannel(config, config.channel, { tables: source.tables, now });
  return {
    subjects: [
      ["source", source.text],
      ["tables", String(source.tables.length)],
      ["lake", config.lakeDir],
      ["state", config.stateDir],
      ["trace", trace.text],
      ...(channel === null ? [] : [["channel", channel.text] as const]),
    ],
    tables: source.tables,
    problems: [...source.problems, ...lake, ...trace.problems, ...(channel?.problems ?? [])],
  };
}

interface SourceFinding {
  readonly text: string;
  readonly tables: readonly CheckedTable[];
  readonly problems: readonly Problem[];
}

async function inspectSource(config: Config, signal: AbortSignal): Promise<SourceFinding> {
  const { source, tables: include, exclude } = config;
  const address = `${source.user}@${formatAddress(source)}`;
  const tls = source.tls.mode === "off" ? "no TLS" : `TLS ${source.tls.mode}`;
  try {
    return await withConnection(source, signal, async (connection) => {
      const [row] = await connection.query("SELECT @@lower_case_table_names");
      const ignoreCase = row?.[0] !== "0";
      const settings = (id: TableId): ReturnType<typeof settingsFor> =>
        settingsFor(config, id, { ignoreCase });
      const { problems, tables } = await preflight(connection, {
        include,
        exclude,
        host: source.host,
        choices: settings,
      });
      return {
        text: `${address}, ${serverName(connection.version)}, ${tls}`,
        tables: tables.map((facts) => checkedTable(facts, settings(facts.id))),
        problems,
      };
    });
  } catch (error) {
    return { text: `${address}, ${tls}`, tables: [], problems: [problemOf(error)] };
  }
}

async function withConnection<T>(
  source: NewSource,
  signal: AbortSignal,
  use: (connection: MysqlConnection) => Promise<T>,
): Promise<T> {
  const pool = new ConnectionPool(source);
  try {
    return await pool.use(use, signal);
  } finally {
    await pool.close();
  }
}

function checkedTable(facts: TableFacts, settings: ReturnType<typeof settingsFor>): CheckedTable {
  return {
    id: facts.id,
    schema: tableSchema(facts, settings),
    rowsEstimated: facts.rowsEstimate,
    buckets: settings.buckets ?? (facts.dataBytes === null ? null : bucketCountFor(facts.dataBytes)),
    zeroDates: settings.zeroDates,
    rule: settings.rule,
  };
}

/** An operating error as one problem among others. Anything else is no finding, but a defect. */
export function problemOf(error: unknown, severity: Problem["severity"] = "error"): Problem {
  if (!(error instanceof SyncError)) throw error;
  const { code, message, hint } = error;
  return { code, table: null, message, hint, severity };
}

async function inspectLake(config: Config, tables: readonly CheckedTable[]): Promise<readonly Problem[]> {
  const folders = [config.lakeDir, config.stateDir];
  const problems = (await Promise.all(folders.map(folderProblems))).flat();
  if (problems.length > 0) return problems;
  return (await Promise.all(tables.map(({ id }) => tableFolderProblems(config.lakeDir, id)))).flat();
}

/** A folder that is not there yet is made by `init`, so what counts is the nearest one that is. */
async function folderProblems(folder: string): Promise<readonly Problem[]> {
  for (let at = folder; ; at = path.dirname(at)) {
    try {
      const isFolder = (await stat(at)).isDirectory();
      if (!isFolder)
        return [folderProblem("LAKE_IO", `${at} is no folder`, `move it away, or name another folder`)];
      await access(at, constants.W_OK | constants.X_OK);
      return [];
    } catch (error) {
      const code = codeOf(error);
      if ((code === "ENOENT" || code === "ENOTDIR") && at !== path.dirname(at)) continue;
      const hint = "give this user the right to write there, or name another folder";
      return [folderProblem("LAKE_READ_ONLY", `${at} cannot be written (${code})`, hint)];
    }
  }
}

const folderProblem = (code: ErrorCode, message: string, hint: string): Problem => ({
  ...{ code, table: null, message, hint, severity: "error" as const },
});

async function tableFolderProblems(lakeDir: string, id: TableId): Promise<readonly Problem[]> {
  try {
    const { root, aux } = tablePaths(lakeDir, id);
    const storage = new LocalStorage(aux);
    if ((await readRecord(storage, aux)) !== null || (await storage.list(root)).length === 0) return [];
    const message = `${root} is not empty, and holds no table of tallylake`;
    const hint = "move what is there away, or name another folder for `lake`";
    return [{ code: "LAKE_NOT_EMPTY", table: id, message, hint, severity: "error" }];
  } catch (error) {
    return [{ ...problemOf(error), table: id }];
  }
}

interface TraceFinding {
  readonly text: string;
  readonly problems: readonly Problem[];
}

/** Without a trace store the data goes its way and the counts wait, so this is never more than a warning. */
async function inspectTrace(trace: TraceConfig): Promise<TraceFinding> {
  switch (trace.kind) {
    case "off":
      return { text: "off", problems: [] };
    case "path":
      return { text: `inside this program, ${trace.path}`, problems: chdbProblems() };
    case "url":
      return inspectTraceServer(trace);
  }
}

async function inspectTraceServer(trace: Extract<TraceConfig, { kind: "url" }>): Promise<TraceFinding> {
  try {
    const clickhouse = await openClickHouse({ target: trace, timeoutMs: 10_000 });
    try {
      const [row] = await clickhouse.select("ask for the version", "SELECT version()", {});
      const version = Array.isArray(row) ? String(row[0]) : "";
      return { text: `ClickHouse ${version} at ${trace.url}`, problems: [] };
    } finally {
      await clickhouse.close();
    }
  } catch (error) {
    return { text: trace.url, problems: [problemOf(error, "warning")] };
  }
}

/** The package is looked for and not loaded: it is large, and a running `follow` may have the folder open. */
function chdbProblems(): readonly Problem[] {
  try {
    if (findPackageJSON("chdb", import.meta.url) !== undefined) return [];
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
  }
  const message = "ClickHouse inside this program needs the package chdb, which is not installed";
  const hint = "run `npm install chdb`, set `trace.url` to a ClickHouse server, or set `trace: off`";
  return [{ code: "TRACE_UNAVAILABLE", table: null, message, hint, severity: "warning" }];
}

const ALL_TABLES = [parseTablePattern("*.*")];

/** The tables of a server for a starter config. */
export async function discoverSource(
  source: NewSource,
  patterns: readonly TablePattern[],
  signal: AbortSignal,
): Promise<readonly DiscoveredTable[]> {
  return withConnection(source, signal, async (connection) => {
    const include = patterns.length === 0 ? ALL_TABLES : patterns;
    const { problems, tables } = await preflight(connection, {
      include,
      exclude: [],
      host: source.host,
      choices: () => ({ decimalsAsText: [], ...BY_PRIMARY_KEY }),
    });
    const byTable = Map.groupBy(problems, ({ table }) => (table === null ? "" : tableKey(table)));
    return tables.map(({ id, rowsEstimate }) => ({
      id,
      rowsEstimated: rowsEstimate,
      problems: byTable.get(tableKey(id)) ?? [],
    }));
  });
}
