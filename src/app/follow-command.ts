import type { CommitResult } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { CommandContext, FollowOptions } from "./command.ts";
import { FollowDaemon } from "./follow-daemon.ts";
import { runFollow } from "./follow.ts";
import { requireFirstCommit, Session } from "./session.ts";
import { SliceCleaner } from "./slice-cleaner.ts";
import { StopRegister } from "./stop-register.ts";

/** `tallylake follow`. */
export function followCommand(context: CommandContext, options: FollowOptions): Promise<number> {
  const { log, lifecycle } = context;
  return Session.use(context, async (session) => {
    const tables = await session.openTables();
    for (const table of tables) requireFirstCommit(table);
    const recorder = await session.openRecorder(tables.map((table) => table.lake));
    const target = options.untilCaughtUp ? (await session.source.head()).gtids : null;
    lifecycle.finishing(() => "what was read of the binlog, with a commit of each table");
    log.info("following", { tables: tables.length, until: target?.toString() });
    const daemon = new FollowDaemon(context, recorder);
    await daemon.open();
    try {
      const code = await follow(context, { session, tables, recorder, daemon, target });
      await recorder.settled(AbortSignal.timeout(SETTLE_MS)).catch(() => undefined);
      return code;
    } finally {
      await daemon.close();
    }
  });
}

/** How long a program that ends waits for the trace store to take the last counts; they are not lost. */
const SETTLE_MS = 5000;

interface FollowParts {
  readonly session: Session;
  readonly tables: Awaited<ReturnType<Session["openTables"]>>;
  readonly recorder: Awaited<ReturnType<Session["openRecorder"]>>;
  readonly daemon: FollowDaemon;
  readonly target: Parameters<typeof runFollow>[0]["target"];
}

async function follow(
  context: CommandContext,
  { session, tables, recorder, daemon, target }: FollowParts,
): Promise<number> {
  const { config, log, signal, now } = context;
  const stops = await StopRegister.open(config.stateDir, log);
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
      target,
      log,
      signal,
      now,
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
