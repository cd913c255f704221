import { EXIT } from "../types/errors.ts";
import type { CommitResult } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { CommandContext, FollowOptions } from "./command.ts";
import { FollowDaemon } from "./follow-daemon.ts";
import { runFollow } from "./follow.ts";
import { PATIENCE_MS, Session, type FollowedTables, type TableProblem } from "./session.ts";
import { SliceCleaner } from "./slice-cleaner.ts";
import { standingStop, StopRegister } from "./stop-register.ts";

/** `tallylake follow`. */
export function followCommand(context: CommandContext, options: FollowOptions): Promise<number> {
  const { log, lifecycle } = context;
  return Session.use(context, async (session) => {
    const { tables, left } = await session.openFollowedTables();
    const recorder = await session.openRecorder(tables.map((table) => table.lake));
    const target = options.untilCaughtUp ? await session.source.head() : null;
    lifecycle.finishing(() => "what was read of the binlog, with a commit of each table");
    log.info("following", { tables: tables.length, until: target?.gtids.toString() });
    const daemon = new FollowDaemon(context, recorder);
    await daemon.open();
    const reminding = remindOf(left, log);
    try {
      const code = await follow(context, { session, tables, left, recorder, daemon, target });
      await recorder.settled(AbortSignal.timeout(SETTLE_MS)).catch(() => undefined);
      return left.length > 0 ? EXIT.mismatch : code;
    } finally {
      reminding.end();
      await daemon.close();
    }
  });
}

/** How often a table that is left out is told about again. */
const REMIND_MS = 60_000;

/** Tells which tables are left out, with the remedies: at once, again and again, and at the end. */
function remindOf(left: readonly TableProblem[], log: Log): { readonly end: () => void } {
  const remind = (): void => {
    for (const { table, code, message, hint } of left) {
      log.error(message, { table: formatTableId(table), code, remedy: hint });
    }
  };
  remind();
  const timer = setInterval(remind, REMIND_MS);
  return {
    end: () => {
      clearInterval(timer);
      remind();
    },
  };
}

/** How long a program that ends waits for the trace store to take the last counts; they are not lost. */
const SETTLE_MS = 5000;

interface FollowParts {
  readonly session: Session;
  readonly tables: FollowedTables["tables"];
  readonly left: FollowedTables["left"];
  readonly recorder: Awaited<ReturnType<Session["openRecorder"]>>;
  readonly daemon: FollowDaemon;
  /** The head of the source that is to be reached; null to go on for ever. */
  readonly target: SourcePosition | null;
}

async function follow(
  context: CommandContext,
  { session, tables, left, recorder, daemon, target }: FollowParts,
): Promise<number> {
  const { config, log, signal } = context;
  const stops = await StopRegister.open(config.stateDir, log);
  for (const problem of left) {
    const stop = await standingStop(config.lakeDir, problem);
    if (stop !== null) stops.stopped(stop);
  }
  const cleaner = new SliceCleaner(context);
  const lakes = tables.map((table) => table.lake);
  for (const { id, checkpoint } of lakes) {
    if (checkpoint !== null) stops.reached(id, checkpoint.position.gtids);
  }
  try {
    return await runFollow({
      config,
      source: session.source,
      tables: lakes,
      target: target?.gtids ?? null,
      log,
      signal,
      // The clock of the machine may be set back by an hour, and commits must not wait for it.
      now: () => performance.now(),
      ...(target === null ? {} : { targetEnd: target, patienceMs: PATIENCE_MS }),
      onRunning: (state) => {
        daemon.running(state);
      },
      onCommit: (applier, result) => {
        const { id } = applier.table;
        recorder.notify(id, result.instant);
        logCommit(formatTableId(id), result, log);
        stops.reached(id, result.checkpoint.position.gtids);
        cleaner.committed(applier);
      },
      onStop: (stop) => {
        const { file, offset } = stop.at;
        log.error(`${formatTableId(stop.table)} has stopped: ${stop.message}`, {
          code: stop.code,
          position: `${file}:${offset}`,
          remedy: stop.hint,
        });
        stops.stopped(stop);
      },
    });
  } finally {
    await cleaner.settled();
    await stops.settled();
  }
}

function logCommit(
  table: string,
  { instant, counts, rowsAfter, filesWritten }: CommitResult,
  log: Log,
): void {
  const changes = counts.filter(({ hop }) => hop === "dedup").reduce((sum, { rows }) => sum + rows, 0);
  log.info("commit", { table, instant, changes, rows: rowsAfter, files: filesWritten });
}
