import type { TableApplier } from "../dedup/table-applier.ts";
import type { Recorder } from "../trace/recorder.ts";
import type { CommitResult, LakeTable, TableStop } from "../types/ports.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { CommandContext } from "./command.ts";
import type { TableProblem } from "./standing-tables.ts";
import { SliceCleaner } from "./slice-cleaner.ts";
import { removeHalfWritten, standingStop, StopRegister } from "./stop-register.ts";

/** What is done beside the commits of tables: their counts are recorded, old files removed, stops written down. */
export class TableKeeping {
  readonly #log: Log;
  readonly #recorder: Recorder;
  readonly #cleaner: SliceCleaner;
  readonly #stops: StopRegister;

  private constructor(context: CommandContext, recorder: Recorder, stops: StopRegister) {
    this.#log = context.log;
    this.#recorder = recorder;
    this.#cleaner = new SliceCleaner(context);
    this.#stops = stops;
  }

  static async open(
    context: CommandContext,
    recorder: Recorder,
    { lakes, left }: { readonly lakes: readonly LakeTable[]; readonly left: readonly TableProblem[] },
  ): Promise<TableKeeping> {
    const { config, log } = context;
    await removeHalfWritten(config.stateDir);
    const stops = await StopRegister.open(config.stateDir, log);
    for (const problem of left) {
      const stop = await standingStop(config.lakeDir, problem);
      if (stop !== null) stops.stopped(stop);
    }
    for (const { id, checkpoint } of lakes) {
      if (checkpoint !== null) stops.reached(id, checkpoint.position.gtids);
    }
    return new TableKeeping(context, recorder, stops);
  }

  readonly onCommit = (applier: TableApplier, result: CommitResult): void => {
    const { id } = applier.table;
    this.#recorder.notify(id, result.instant);
    logCommit(formatTableId(id), result, this.#log);
    this.#stops.reached(id, result.checkpoint.position.gtids);
    this.#cleaner.committed(applier);
  };

  /** A table holds a new snapshot. */
  onRenewed(table: TableId, result: CommitResult): void {
    this.#recorder.notify(table, result.instant);
    logCommit(formatTableId(table), result, this.#log);
    this.#stops.reached(table, result.checkpoint.position.gtids);
  }

  /** A table stops, and somebody sees to it that it goes on. */
  onPause(stop: TableStop): void {
    this.#stops.stopped(stop);
  }

  readonly onStop = (stop: TableStop): void => {
    logStop(stop, this.#log);
    this.#stops.stopped(stop);
  };

  async settled(): Promise<void> {
    await this.#cleaner.settled();
    await this.#stops.settled();
  }
}

export function logStop(stop: TableStop, log: Log): void {
  const { file, offset } = stop.at;
  log.error(`${formatTableId(stop.table)} has stopped: ${stop.message}`, {
    code: stop.code,
    position: `${file}:${offset}`,
    remedy: stop.hint,
  });
}

function logCommit(
  table: string,
  { instant, counts, rowsAfter, filesWritten }: CommitResult,
  log: Log,
): void {
  const changes = counts.filter(({ hop }) => hop === "dedup").reduce((sum, { rows }) => sum + rows, 0);
  log.info("commit", { table, instant, changes, rows: rowsAfter, files: filesWritten });
}
