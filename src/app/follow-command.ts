import type { TableApplier } from "../dedup/table-applier.ts";
import type { CommitResult } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import { messageOf } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { formatBytes } from "../util/units.ts";
import type { CommandContext, FollowOptions } from "./command.ts";
import { runFollow } from "./follow.ts";
import { requireFirstCommit, Session } from "./session.ts";

/** `tallylake follow`. */
export function followCommand(context: CommandContext, options: FollowOptions): Promise<number> {
  const { config, log, signal, now, lifecycle } = context;
  return Session.use(context, async (session) => {
    const tables = await session.openTables();
    for (const table of tables) requireFirstCommit(table);
    const lakes = tables.map((table) => table.lake);
    const recorder = await session.openRecorder(lakes);
    const target = options.untilCaughtUp ? (await session.source.head()).gtids : null;
    lifecycle.finishing(() => "what was read of the binlog, with a commit of each table");
    log.info("following", { tables: tables.length, until: target?.toString() });
    const cleaner = new Cleaner(context);
    const code = await runFollow({
      config,
      source: session.source,
      tables: lakes,
      target,
      log,
      signal,
      now,
      onCommit: (applier, result) => {
        const { id } = applier.table;
        recorder.notify(id, result.instant);
        logCommit(formatTableId(id), result, log);
        cleaner.committed(applier);
      },
      onStop: (stop) => {
        const { file, offset } = stop.at;
        log.error(`${formatTableId(stop.table)} has stopped: ${stop.message}`, {
          code: stop.code,
          position: `${file}:${offset}`,
          remedy: stop.hint,
        });
      },
    });
    await cleaner.settled();
    await recorder.settled(AbortSignal.timeout(SETTLE_MS)).catch(() => undefined);
    return code;
  });
}

/** How long a program that ends waits for the trace store to take the last counts; they are not lost. */
const SETTLE_MS = 5000;

function logCommit(
  table: string,
  { instant, counts, rowsAfter, filesWritten }: CommitResult,
  log: Log,
): void {
  const changes = counts.filter(({ hop }) => hop === "dedup").reduce((sum, { rows }) => sum + rows, 0);
  log.info("commit", { table, instant, changes, rows: rowsAfter, files: filesWritten });
}

/** Removes old slices every so many commits of a table, behind its commits and in nobody's way. */
class Cleaner {
  readonly #context: CommandContext;
  readonly #commits = new Map<TableApplier, number>();
  readonly #running = new Set<Promise<void>>();

  constructor(context: CommandContext) {
    this.#context = context;
  }

  committed(applier: TableApplier): void {
    const { config } = this.#context;
    const made = (this.#commits.get(applier) ?? 0) + 1;
    this.#commits.set(applier, made % config.clean.everyCommits);
    if (made < config.clean.everyCommits) return;
    const cleaning = this.#clean(applier).finally(() => this.#running.delete(cleaning));
    this.#running.add(cleaning);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #clean(applier: TableApplier): Promise<void> {
    const { config, log, now } = this.#context;
    const table = formatTableId(applier.table.id);
    try {
      const { filesRemoved, bytesRemoved } = await applier.clean(now() - config.clean.retainMs);
      if (filesRemoved > 0)
        log.info("old slices removed", { table, files: filesRemoved, bytes: formatBytes(bytesRemoved) });
    } catch (error) {
      // The data is safe either way; what could not be removed is tried again.
      log.warn("old slices could not be removed", { table, cause: messageOf(error) });
    }
  }
}
