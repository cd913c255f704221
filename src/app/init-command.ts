import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT } from "../types/errors.ts";
import { encodePathName } from "../lake/lake-path.ts";
import { formatTableId } from "../types/table-id.ts";
import { formatCount, formatDuration } from "../util/units.ts";
import type { CommandContext, InitOptions } from "./command.ts";
import { compareFirst } from "./init-compare.ts";
import { runInit, snapshotDir } from "./init.ts";
import { displayProgress, everyInterval } from "./progress-display.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import { Session, type SessionTable } from "./session.ts";
import type { SnapshotTable } from "./snapshot.ts";

/** `tallylake init`. */
export function initCommand(context: CommandContext, options: InitOptions): Promise<number> {
  return Session.use(context, async (session) => {
    const tables = await session.openTables();
    const missing = tables.filter((table) => table.lake.checkpoint === null);
    if (missing.length === 0) {
      // Left when the run before died between its last commit and its end.
      await rm(snapshotDir(context.config), { recursive: true, force: true });
      context.out.write(
        `all ${tables.length} tables have their first commit: nothing to do\nnext: tallylake follow\n`,
      );
      return EXIT.ok;
    }
    const code = await snapshot(context, session, missing);
    if (code !== EXIT.ok) return code;
    const ids = missing.map((table) => table.schema.id);
    const compared = options.compare ? await compareFirst(context, session, ids) : EXIT.ok;
    if (compared === EXIT.ok) context.out.write("next: tallylake follow\n");
    return compared;
  });
}

async function snapshot(
  context: CommandContext,
  session: Session,
  missing: readonly SessionTable[],
): Promise<number> {
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
    const outcome = await runInit({
      config,
      source: session.source,
      tables: missing.map((table) => snapshotTable(context, table)),
      progress,
      log,
      signal,
      now,
    });
    hideProgress();
    const rows = outcome.committed.reduce((sum, commit) => sum + commit.rowsAfter, 0);
    const elapsed = formatDuration(now() - startMs);
    out.write(
      `${outcome.committed.length} tables, ${formatCount(rows)} rows in their first commit (${elapsed})\n`,
    );
    for (const stop of outcome.stopped) {
      log.error(`${formatTableId(stop.table)} has no first commit: ${stop.message}`, {
        code: stop.code,
        remedy: stop.hint,
      });
    }
    return outcome.stopped.length > 0 ? EXIT.mismatch : EXIT.ok;
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
