import { rm } from "node:fs/promises";
import { join } from "node:path";
import { encodePathName } from "../lake/lake-path.ts";
import { EXIT, isSyncError } from "../types/errors.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import { formatCount, formatDuration } from "../util/units.ts";
import type { CommandContext, InitOptions } from "./command.ts";
import { compareFirst } from "./init-compare.ts";
import { runInit, snapshotDir, type InitOutcome, type InitRun } from "./init.ts";
import { displayProgress, everyInterval } from "./progress-display.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import { PATIENCE_MS, Session, type SessionTable } from "./session.ts";
import type { SnapshotTable } from "./snapshot.ts";

/** How often the snapshot of a table begins anew because its definition changed under it. */
const ROUNDS_MAX = 5;

/** Other bounds of waiting than the usual ones. */
export type InitWaits = Pick<InitRun, "patienceMs" | "xaWaitMs">;

export interface SnapshotWork {
  /** Opens the tables that are to be read and were not yet; with what to say when there are none. */
  readonly open: (session: Session) => Promise<{
    readonly tables: readonly SessionTable[];
    readonly nothing: string;
  }>;
  /** What their commits are called. */
  readonly commit: string;
  readonly options: InitOptions;
  readonly waits: InitWaits;
  readonly onCommitted: (tables: readonly TableId[]) => void;
}

/**
 * Takes snapshots for a command that does nothing else. A table that was altered during its snapshot is read again
 * with its new definition, so each round opens everything anew; tables that have their commit by then are done.
 */
export async function runSnapshotRounds(context: CommandContext, work: SnapshotWork): Promise<number> {
  for (let round = 1; ; round++) {
    const end = await Session.use(context, (session) => runRound(context, session, { ...work, round }));
    if (end !== "again") return end;
  }
}

type Round = SnapshotWork & { readonly round: number };

async function runRound(context: CommandContext, session: Session, round: Round): Promise<number | "again"> {
  const { out, log } = context;
  const { tables, nothing } = await round.open(session);
  if (tables.length === 0) {
    // Left when the run before died between its last commit and its end.
    await rm(snapshotDir(context.config), { recursive: true, force: true });
    out.write(nothing);
    return EXIT.ok;
  }
  const outcome = await snapshotUnlessAltered(context, session, { ...round, tables });
  if (outcome === "again") return "again";
  const { committed, stopped } = outcome;
  round.onCommitted(committed);
  const again = round.round < ROUNDS_MAX && stopped.length > 0;
  for (const { table, code, message, hint } of stopped) {
    const name = formatTableId(table);
    if (again) log.warn(`the snapshot of ${name} begins anew: ${message}`, { code, round: round.round });
    else log.error(`${name} has no ${round.commit}: ${message}`, { code, remedy: hint });
  }
  const compared = round.options.compare ? await compareFirst(context, session, committed) : EXIT.ok;
  if (compared !== EXIT.ok) return compared;
  if (again) return "again";
  if (stopped.length > 0) return EXIT.mismatch;
  out.write("next: tallylake follow\n");
  return EXIT.ok;
}

interface RoundOutcome {
  readonly committed: readonly TableId[];
  readonly stopped: InitOutcome["stopped"];
}

type RoundTables = Round & { readonly tables: readonly SessionTable[] };

/** A table that is altered while its chunks are read ends the reading of all; the next round goes on with it. */
async function snapshotUnlessAltered(
  context: CommandContext,
  session: Session,
  round: RoundTables,
): Promise<RoundOutcome | "again"> {
  try {
    return await snapshot(context, session, round);
  } catch (error) {
    const isChange = isSyncError(error, "TABLE_SCHEMA_CHANGED") || isSyncError(error, "TABLE_ABSENT");
    if (!isChange || round.round >= ROUNDS_MAX) throw error;
    context.log.warn("a table was altered under its snapshot, which goes on with the new definition", {
      code: error.code,
      cause: error.message,
      round: round.round,
    });
    return "again";
  }
}

async function snapshot(
  context: CommandContext,
  session: Session,
  { tables, commit, waits }: RoundTables,
): Promise<RoundOutcome> {
  const { config, log, err, out, signal, now, lifecycle } = context;
  const startMs = now();
  const progress = new ProgressTracker(now);
  const state = (): ReturnType<ProgressTracker["state"]> => progress.state();
  const hideProgress = displayProgress({
    state,
    err,
    log,
    logFormat: config.log.format,
    every: everyInterval,
  });
  lifecycle.finishing(() => "the chunks that are being read; the next run goes on behind them");
  try {
    const { committed, stopped } = await runInit({
      config,
      source: session.source,
      dir: snapshotDir(config),
      tables: tables.map((table) => snapshotTable(context, table)),
      progress,
      log,
      signal,
      now,
      patienceMs: PATIENCE_MS,
      ...waits,
    });
    hideProgress();
    const rows = committed.reduce((sum, one) => sum + one.rowsAfter, 0);
    const elapsed = formatDuration(now() - startMs);
    out.write(`${committed.length} tables, ${formatCount(rows)} rows in their ${commit} (${elapsed})\n`);
    const left = new Set(stopped.map(({ table }) => tableKey(table)));
    const ids = tables.map(({ schema }) => schema.id).filter((id) => !left.has(tableKey(id)));
    return { committed: ids, stopped };
  } finally {
    hideProgress();
  }
}

function snapshotTable({ config }: CommandContext, { schema, lake, facts }: SessionTable): SnapshotTable {
  const { database, table } = schema.id;
  return {
    schema,
    lake,
    rowsEstimated: facts.rowsEstimate,
    dir: join(snapshotDir(config), encodePathName(database), encodePathName(table)),
  };
}
