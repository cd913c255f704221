import type { Digest } from "../types/digest.ts";
import type { Side } from "./equation.ts";
import type { ClassTotals, Finding, WindowResult } from "./reconcile-result.ts";
import { reportExitCode, type Report, type TableReport } from "./report.ts";

/** Rises when a field changes its meaning or goes away; new fields may come at any time. */
export const REPORT_VERSION = 1;

/**
 * The report for scripts: one object on one line, tables worst first, windows oldest first. Times are in
 * milliseconds since 1970, `firstMinute` and `lastMinute` in minutes; digests are 16 hex digits; what is not known is
 * null. `reconcile-result.ts` says what the fields mean.
 */
export function reportJson(report: Report): string {
  const json = {
    version: REPORT_VERSION,
    verdict: report.verdict,
    exitCode: reportExitCode(report),
    source: report.source,
    atMs: report.atMs,
    sinceMs: report.sinceMs,
    windowMs: report.windowMs,
    queuedCommits: report.queuedCommits,
    tables: report.tables.map(tableJson),
  };
  return `${JSON.stringify(json)}\n`;
}

function tableJson({ table, verdict, settledThrough, windows, deep }: TableReport) {
  return {
    database: table.database,
    table: table.table,
    verdict,
    settledThrough:
      settledThrough === null
        ? null
        : {
            commit: settledThrough.lastCommit,
            committedAtMs: settledThrough.lastCommittedAtMs,
            gtids: settledThrough.toGtids,
          },
    windows: windows.map(windowJson),
    deep,
  };
}

function windowJson(window: WindowResult) {
  return {
    verdict: window.verdict,
    settled: window.isSettled,
    firstMinute: window.firstMinute,
    lastMinute: window.lastMinute,
    fromGtids: window.fromGtids,
    toGtids: window.toGtids,
    commits: window.commits,
    firstCommit: window.firstCommit,
    lastCommit: window.lastCommit,
    counts: window.counts.map(countJson),
    equations: window.equations,
    findings: window.findings.map(findingJson),
  };
}

const countJson = ({ hop, class: countClass, totals }: ClassTotals) => ({
  hop,
  class: countClass,
  rows: totals.rows,
  ids: digestJson(totals.ids),
  content: totals.content === null ? null : digestJson(totals.content),
});

const hex = (value: bigint): string => value.toString(16).padStart(16, "0");
const digestJson = ({ sum, xor }: Digest) => ({ sum: hex(sum), xor: hex(xor) });

function findingJson({ commit, result }: Finding) {
  return {
    commit,
    equation: result.name,
    hop: result.hop,
    verdict: result.verdict,
    differs: result.differs,
    left: sideJson(result.left),
    right: sideJson(result.right),
    note: result.note,
  };
}

const sideJson = (side: Side | null) =>
  side === null
    ? null
    : {
        rows: side.rows,
        terms: side.terms.map(({ hop, class: countClass, rows, sign }) => ({
          ...{ hop, class: countClass, rows, sign },
        })),
      };
