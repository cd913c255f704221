import { EXIT } from "../types/errors.ts";
import { serverName } from "../capture/server-number.ts";
import { formatTableId, resnapshotHint } from "../types/table-id.ts";
import type { Paint } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import { textTable } from "../util/text-table.ts";
import { cutEnd, textWidth } from "../util/text-width.ts";
import { formatCount, formatDuration } from "../util/units.ts";
import { formatMoment } from "./moment.ts";
import { channelBlock, channelJson, channelText } from "./status-channel-view.ts";
import type {
  CommitFacts,
  StatusModel,
  TableState,
  TableStatus,
  TraceStatus,
  WorstLag,
} from "./status-model.ts";

export interface StatusView {
  readonly width: number;
  readonly paint: Paint;
}

const COMMITS_SHOWN = 5;
/** Of the longest name in the head, with the space behind it. */
const NAME_COLUMNS = 9;
const UNKNOWN = "unknown";

/** 1 when a table is stopped, else 0. That a daemon is not running is no failure of `status`. */
export const statusExitCode = (status: StatusModel): number =>
  status.tables.some(({ state }) => state === "stopped") ? EXIT.mismatch : EXIT.ok;

/** Lag and position first, then the tables, worst first; whatever stopped has its remedy beside it. */
export function renderStatus(status: StatusModel, view: StatusView): string {
  const blocks = [
    headBlock(status, view),
    tableBlock(status, view),
    status.channel === null ? [] : channelBlock(status.channel, status.nowMs, view.paint),
    ...status.tables.filter(needsAttention).map((table) => attentionBlock(table, view)),
    status.tables.flatMap((table) => renewalLines(table, view)),
    commitBlock(status, view),
    nextBlock(status),
  ].filter((lines) => lines.length > 0);
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function headBlock(status: StatusModel, { width, paint }: StatusView): string[] {
  const { source, worst, worker } = status;
  const { head } = source;
  const rows: [string, string][] = [
    ["lag", worstText(worst, status.tables.length)],
    [
      "head",
      head === null
        ? `${UNKNOWN}: ${source.error ?? "the source does not answer"}`
        : positionText(head.binlogEnd),
    ],
    ["", head === null ? "" : gtidText(head.executedGtids.toString())],
    ["source", sourceText(source)],
    ["binlog", head === null ? UNKNOWN : `${head.oldestBinlog ?? UNKNOWN} is the oldest that is there`],
    ["process", workerText(worker.state, worker.pid, worker.sinceMs)],
    ["trace", traceText(status.trace, status.nowMs)],
    ["channel", status.channel === null ? "" : channelText(status.channel)],
  ];
  const room = Math.max(20, width - NAME_COLUMNS);
  return textTable(
    rows
      .filter(([, text]) => text !== "")
      .map(([name, text]) => [paint("dim", name), cutEnd(printable(text), room)]),
  );
}

/** The name of a source is its address unless the config gives it another. */
function sourceText({ name, address, head }: StatusModel["source"]): string {
  const version = head === null ? "" : `, ${serverName(head.version)}`;
  return name === address ? `${address}${version}` : `${name}${version} at ${address}`;
}

function worstText({ lagTransactions, lag, unknownTables }: WorstLag, tables: number): string {
  if (lagTransactions === null && lag === null) return UNKNOWN;
  const known = `${transactionsText(lagTransactions)}, ${lagText(lag)}`;
  return unknownTables === 0 ? known : `${known}; ${UNKNOWN} for ${unknownTables} of ${tables} tables`;
}

const positionText = ({ file, offset }: { readonly file: string; readonly offset: number }): string =>
  `${file}:${offset}`;

const gtidText = (gtids: string): string => (gtids === "" ? "no transactions yet" : gtids);

const transactionsText = (count: bigint | null): string =>
  count === null ? `${UNKNOWN} transactions` : `${formatCount(count)} transaction${count === 1n ? "" : "s"}`;

function lagText(lag: TableStatus["lag"]): string {
  if (lag === null) return UNKNOWN;
  return `${lag.atMost ? "at most " : ""}${lag.ms === 0 ? "0s" : formatDuration(lag.ms)}`;
}

function workerText(
  state: StatusModel["worker"]["state"],
  pid: number | null,
  sinceMs: number | null,
): string {
  if (state === "unknown") return UNKNOWN;
  if (state === "absent") return "none";
  return `${pid ?? "one"}${sinceMs === null ? "" : `, since ${formatMoment(sinceMs)}`}`;
}

function traceText(trace: TraceStatus, nowMs: number): string {
  if (trace.state === "off") return "off";
  const queued =
    trace.queuedCommits === null
      ? `queue ${UNKNOWN}`
      : trace.queuedCommits === 0
        ? "nothing queued"
        : `${formatCount(trace.queuedCommits)} commit${trace.queuedCommits === 1 ? "" : "s"} queued`;
  const age =
    trace.oldestQueuedMs === null ? "" : `, the oldest ${formatDuration(nowMs - trace.oldestQueuedMs)} ago`;
  return `${trace.state}${trace.error === null ? "" : ` (${trace.error})`}, ${queued}${age}`;
}

const STATE_STYLE: Readonly<Record<TableState, Parameters<Paint>[0]>> = {
  stopped: "red",
  stalled: "red",
  unknown: "yellow",
  "snapshot unfinished": "yellow",
  "not started": "yellow",
  "not running": "yellow",
  snapshot: "cyan",
  running: "green",
  "up to date": "green",
};

interface TableColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Where there is no room for all, columns with the highest number go first. */
  readonly priority: number;
  readonly cell: (table: TableStatus, nowMs: number, paint: Paint) => string;
}

const TABLE_COLUMNS: readonly TableColumn[] = [
  {
    title: "table",
    align: "left",
    priority: 0,
    cell: (table) => printable(formatTableId(table.id)),
  },
  {
    title: "state",
    align: "left",
    priority: 0,
    cell: (table, _nowMs, paint) => paint(STATE_STYLE[table.state], stateText(table)),
  },
  {
    title: "transactions",
    align: "right",
    priority: 1,
    cell: (table) => (table.lagTransactions === null ? UNKNOWN : formatCount(table.lagTransactions)),
  },
  { title: "lag", align: "right", priority: 0, cell: (table) => lagText(table.lag) },
  { title: "checkpoint", align: "left", priority: 2, cell: checkpointText },
  { title: "last commit", align: "right", priority: 4, cell: lastCommitText },
  { title: "rows", align: "right", priority: 3, cell: rowsText },
];

/** As many columns as fit; those that say most stay even where they do not. */
function tableBlock(status: StatusModel, { width, paint }: StatusView): string[] {
  if (status.tables.length === 0) return ["no tables"];
  for (let columns = TABLE_COLUMNS; ;) {
    const header = columns.map(({ title }) => paint("dim", title));
    const rows = status.tables.map((table) => columns.map(({ cell }) => cell(table, status.nowMs, paint)));
    const lines = textTable([header, ...rows], { align: columns.map(({ align }) => align) });
    const last = Math.max(...columns.map(({ priority }) => priority));
    if (last === 0 || Math.max(...lines.map(textWidth)) <= width) return lines;
    columns = columns.filter(({ priority }) => priority !== last);
  }
}

function stateText({ state, snapshot }: TableStatus): string {
  if (snapshot === null || !state.startsWith("snapshot")) return state;
  const chunks = snapshot.chunks === null ? "" : ` of ${formatCount(snapshot.chunks)}`;
  return `${state}, ${formatCount(snapshot.chunksDone)}${chunks} chunks`;
}

const hasNoCommit = (table: TableStatus): boolean => table.commits?.length === 0;

function checkpointText(table: TableStatus): string {
  if (table.checkpoint !== null) return printable(positionText(table.checkpoint.position));
  return hasNoCommit(table) ? "none" : UNKNOWN;
}

function lastCommitText(table: TableStatus, nowMs: number): string {
  const last = table.commits?.[0];
  if (last === undefined) return hasNoCommit(table) ? "none" : UNKNOWN;
  return `${formatDuration(Math.max(0, nowMs - last.atMs))} ago`;
}

function rowsText(table: TableStatus): string {
  const rows = table.commits?.[0]?.rowsAfter;
  return rows === undefined || rows === null ? UNKNOWN : formatCount(rows);
}

const needsAttention = (table: TableStatus): boolean =>
  table.stop !== null || table.lakeError !== null || (table.isPurged === true && table.state !== "stopped");

function attentionBlock(table: TableStatus, { paint }: StatusView): string[] {
  const name = paint("bold", printable(formatTableId(table.id)));
  const { stop } = table;
  if (stop !== null) {
    return [
      `${name} stopped at ${printable(positionText(stop))}: ${printable(stop.message)} (${stop.code})`,
      `  remedy: ${printable(stop.hint)}`,
    ];
  }
  if (table.lakeError !== null) return [`${name} cannot be read: ${printable(table.lakeError)}`];
  return [
    `${name} lacks transactions whose binlog is purged`,
    `  remedy: ${printable(resnapshotHint(table.id))}`,
  ];
}

function renewalLines({ id, renewal }: TableStatus, { paint }: StatusView): string[] {
  if (renewal === null) return [];
  const { message, code } = renewal;
  const name = paint("bold", printable(formatTableId(id)));
  const at = printable(positionText(renewal));
  return [`${name} stays as it was at ${at} until it is read again: ${printable(message)} (${code})`];
}

function commitBlock(status: StatusModel, { paint }: StatusView): string[] {
  const commits = status.tables
    .flatMap((table) => (table.commits ?? []).map((commit) => ({ id: table.id, commit })))
    .sort((a, b) => b.commit.atMs - a.commit.atMs)
    .slice(0, COMMITS_SHOWN);
  if (commits.length === 0) return [];
  const header = ["last commits", "table", "inserted", "updated", "deleted", "instant"].map((text) =>
    paint("dim", text),
  );
  const rows = commits.map(({ id, commit }) => [
    formatMoment(commit.atMs),
    printable(formatTableId(id)),
    formatCount(commit.inserted),
    formatCount(commit.updated),
    formatCount(commit.deleted),
    commit.instant,
  ]);
  return textTable([header, ...rows], { align: ["left", "left", "right", "right", "right", "left"] });
}

function nextBlock({ tables, worker }: StatusModel): string[] {
  if (tables.length === 0)
    return ["next: `tallylake check`, which says what the patterns of the config mean"];
  if (tables.some(({ state }) => state === "not started" || state === "snapshot unfinished"))
    return ["next: `tallylake init`"];
  return worker.state === "absent" ? ["next: `tallylake follow`"] : [];
}

/** The same for scripts. What is not known is null. Times are in milliseconds since 1970, lags in seconds. */
export function statusJson(status: StatusModel): string {
  const { source, worker, trace, worst } = status;
  const { head } = source;
  // A number that one table could exceed would be read as the truth.
  const isKnown = worst.unknownTables === 0;
  const json = {
    atMs: status.nowMs,
    lagTransactions: isKnown ? countJson(worst.lagTransactions) : null,
    ...lagJson(isKnown ? worst.lag : null),
    source: {
      name: source.name,
      address: source.address,
      error: source.error,
      version: head?.version ?? null,
      serverUuid: head?.serverUuid ?? null,
      gtids: head?.executedGtids.toString() ?? null,
      purgedGtids: head?.purgedGtids.toString() ?? null,
      file: head?.binlogEnd.file ?? null,
      offset: head?.binlogEnd.offset ?? null,
      oldestBinlog: head?.oldestBinlog ?? null,
    },
    process: worker,
    trace,
    channel: status.channel === null ? null : channelJson(status.channel, status.nowMs),
    tables: status.tables.map(tableJson),
  };
  return `${JSON.stringify(json)}\n`;
}

function tableJson(table: TableStatus) {
  const position = table.checkpoint?.position ?? null;
  return {
    database: table.id.database,
    table: table.id.table,
    state: table.state,
    lagTransactions: countJson(table.lagTransactions),
    ...lagJson(table.lag),
    checkpoint:
      position === null
        ? null
        : { gtids: position.gtids.toString(), file: position.file, offset: position.offset },
    isPurged: table.isPurged,
    snapshot: table.snapshot,
    stop: table.stop,
    renewal: table.renewal,
    lakeError: table.lakeError,
    commits: table.commits?.slice(0, COMMITS_SHOWN).map(commitJson) ?? null,
  };
}

const commitJson = ({ instant, atMs, inserted, updated, deleted, rowsAfter }: CommitFacts) => ({
  ...{ instant, atMs, inserted, updated, deleted, rowsAfter },
});

const lagJson = (lag: TableStatus["lag"]) => ({
  lagSeconds: lag === null ? null : lag.ms / 1000,
  lagIsAtMost: lag?.atMost ?? null,
});

/** A count beyond what JSON readers keep exact would be wrong without a word, so it becomes text. */
const countJson = (count: bigint | null): number | string | null =>
  count === null ? null : count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count.toString();
