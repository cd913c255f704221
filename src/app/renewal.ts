/**
 * Tables whose snapshot is taken again while the others are followed.
 *
 * A statement that changes a table can change rows without row events (a converted column, a partition that is
 * exchanged, another table under its name), and what it does is not to be learnt from its text. So the table stops just
 * before it, its checkpoint stays there, and the stream goes on with the others. Meanwhile its rows are read as `init`
 * reads them, with a low and a high watermark, and one commit replaces what the lake has of it by the table at the high
 * one, with its new definition. Until then readers see the table as it was before the statement, which is an exact cut.
 *
 * | killed …                        | the next `follow`                                                         |
 * |---------------------------------|---------------------------------------------------------------------------|
 * | before the commit               | stops the table at the same statement, and goes on with the chunks it has  |
 * | behind the commit               | follows the table from the commit's position on                            |
 *
 * Where the statement changed columns alone, so that every row that was there has NULL in the new ones, nothing is read:
 * one commit gives the rows in the lake the columns that the catalogue shows, and the table goes on right behind the
 * statement. If the catalogue is further on than that already, the rows are read after all.
 *
 * A table that is changed again while it is read is read once more. One that cannot be kept as it is now stays where it
 * stopped, says why, and is looked at again every minute; a `follow` that has an end does not wait for that.
 */
import { join } from "node:path";
import type { MysqlSource } from "../capture/mysql-source.ts";
import type { Preflight } from "../capture/preflight.ts";
import { tableSchema } from "../capture/table-facts.ts";
import type { TableApplier } from "../dedup/table-applier.ts";
import { encodePathName } from "../lake/lake-path.ts";
import { columnMapping } from "../types/column-change.ts";
import { isSyncError } from "../types/errors.ts";
import type { TableStop } from "../types/ports.ts";
import { formatTableId, resnapshotHint, tableKey, type TableId } from "../types/table-id.ts";
import { sleep } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import type { SyncError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { settingsFor } from "./config.ts";
import { renewalDir, runInit } from "./init.ts";
import { progressFields, type TableProgress } from "./progress.ts";
import { everyInterval } from "./progress-display.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import { openSource, PATIENCE_MS } from "./session.ts";
import type { SnapshotTable } from "./snapshot.ts";
import { goneTable, isTableProblem } from "./standing-tables.ts";
import type { TableKeeping } from "./table-keeping.ts";

export interface RenewalOptions {
  readonly context: CommandContext;
  readonly keeping: TableKeeping;
  /** The tables as the source has them now, with what is wrong with them. */
  readonly look: () => Promise<Preflight>;
  /** Whether to go on trying for ever with a table that cannot be kept as it is now. */
  readonly isPatient: boolean;
  /** The table stays where it stopped. */
  readonly onGivenUp: (stop: TableStop) => void;
}

/** A table that stands still for a while. */
export interface UnderWay {
  /** Where it stands, and why. */
  readonly stop: TableStop;
  /** Of its new snapshot; null before the chunks are planned, and when nothing is read. */
  readonly chunks: TableProgress["chunks"];
}

interface Entry {
  readonly applier: TableApplier;
  stop: TableStop;
  attempts: number;
  /** Not before then, by the clock of the process. */
  dueMs: number;
  /** It has failed together with others, one of which may have been to blame. */
  isAlone: boolean;
  /** It cannot be kept as it is now. */
  isStuck: boolean;
}

/** Stops that a new snapshot mends, and that need nobody's decision. */
const RENEWABLE: ReadonlySet<string> = new Set(["TABLE_DDL", "TABLE_SCHEMA_CHANGED"]);
/** A table that is altered while it is read is read again soon, and ever less so while that goes on. */
const ALTERED_MS = 250;
const ALTERED_MS_MAX = 30_000;
const PUT_OFF_MS = 60_000;
/** How often a `follow` that has an end begins with a table anew. */
const ATTEMPTS_MAX = 10;
const POLL_MS = 100;
const PROGRESS_MS = 10_000;

export class Renewals {
  readonly #options: RenewalOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #stop = new AbortController();
  #source: MysqlSource | null = null;
  #running: Promise<void> | null = null;
  #progress: ProgressTracker | null = null;
  /** Aborted when a table can join the others. */
  #round = new AbortController();
  #failure: { readonly error: unknown } | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Takes a table that has stopped, if that is what the config wants; the caller leaves it alone from here on. */
  take(stop: TableStop, applier: TableApplier): boolean {
    const { config } = this.#options.context;
    if (!RENEWABLE.has(stop.code) || settingsFor(config, stop.table).schemaChanges !== "resnapshot")
      return false;
    this.#begin(stop, applier);
    return true;
  }

  /** Takes a table because somebody wants it, whether or not it has stopped; its changes are left alone from here on. */
  request(applier: TableApplier): void {
    const { id, checkpoint } = applier.table;
    if (this.has(id)) return;
    const at = must(checkpoint, "the checkpoint of a table").position;
    const message = "its snapshot was asked for";
    const stop = applier.stop ?? {
      table: id,
      code: "TABLE_RESNAPSHOT",
      message,
      hint: resnapshotHint(id),
      at,
    };
    // Nothing of the table is committed before its new rows are there.
    void applier.halt(stop);
    this.#begin(stop, applier);
  }

  #begin(stop: TableStop, applier: TableApplier): void {
    const { log } = this.#options.context;
    this.#entries.set(tableKey(stop.table), {
      applier,
      stop,
      attempts: 0,
      dueMs: 0,
      isAlone: false,
      isStuck: false,
    });
    const { file, offset } = stop.at;
    const how = stop.columns === undefined ? "its snapshot is taken again" : "its columns follow";
    log.warn(`${formatTableId(stop.table)}: ${stop.message}; ${how}, the others go on`, {
      code: stop.code,
      position: `${file}:${offset}`,
    });
    this.#options.keeping.onPause(stop);
    this.#running ??= this.#work()
      .catch((error: unknown) => {
        this.#failure = { error };
        this.#round.abort();
      })
      .finally(() => {
        this.#running = null;
      });
  }

  has(table: TableId): boolean {
    return this.#entries.has(tableKey(table));
  }

  /** The tables that it is about to bring back. */
  underWay(): readonly UnderWay[] {
    const read = new Map(this.#progress?.state().tables.map((table) => [table.name, table.chunks]));
    return [...this.#entries.values()].flatMap(({ stop, isStuck }) =>
      isStuck ? [] : { stop, chunks: read.get(formatTableId(stop.table)) ?? null },
    );
  }

  /** Those of them that cannot be kept as they are now. */
  stuck(): readonly TableStop[] {
    return [...this.#entries.values()].flatMap(({ stop, isStuck }) => (isStuck ? stop : []));
  }

  /** A new signal, which aborts when a table can join. Tables that were ready before can join at once. */
  beginRound(): AbortSignal {
    this.#throwFailure();
    this.#round = new AbortController();
    return this.#round.signal;
  }

  /** Waits until a table can join; false when there is none to wait for. */
  async next(signal: AbortSignal): Promise<boolean> {
    while (!this.#round.signal.aborted) {
      if (this.#entries.size === 0 || signal.aborted) return false;
      await sleep(POLL_MS, AbortSignal.any([signal, this.#round.signal])).catch(() => undefined);
    }
    this.#throwFailure();
    return !signal.aborted;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#source?.close();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#entries.size > 0 && !signal.aborted) {
      const group = this.#due();
      if (group.length > 0) await this.#renew(group);
      else await sleep(POLL_MS, signal).catch(() => undefined);
    }
  }

  #due(): readonly Entry[] {
    const now = this.#options.context.now();
    const due = [...this.#entries.values()].filter(({ dueMs }) => dueMs <= now);
    const alone = due.find(({ isAlone }) => isAlone);
    return alone === undefined ? due : [alone];
  }

  async #renew(group: readonly Entry[]): Promise<void> {
    const releases: (() => void)[] = [];
    try {
      for (const { applier } of group) {
        // What came before the stop belongs to the state that readers see meanwhile.
        const result = await applier.commit();
        if (result !== null) this.#options.keeping.onCommit(applier, result);
        // Old files may be on their way out, and a table takes one call at a time.
        releases.push(await applier.hold());
      }
      const found = await this.#options.look();
      const evolved: Entry[] = [];
      for (const entry of group) if (await this.#evolve(entry, found)) evolved.push(entry);
      const ready = await this.#readyTables(
        group.filter((entry) => !evolved.includes(entry)),
        found,
      );
      const read = ready.size > 0 ? await this.#snapshot(ready) : [];
      const committed = [...evolved, ...read];
      for (const { stop } of committed) this.#entries.delete(tableKey(stop.table));
      if (committed.length > 0) this.#round.abort();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!isSyncError(error)) throw error;
      for (const entry of group) {
        if (this.has(entry.stop.table)) this.#failed(entry, error, { isShared: group.length > 1 });
      }
    } finally {
      for (const release of releases) release();
    }
  }

  /** Gives the table other columns, if that is all that the statement did; false when its rows have to be read. */
  async #evolve({ stop, applier }: Entry, { tables, problems }: Preflight): Promise<boolean> {
    const { table } = applier;
    const { columns } = stop;
    const facts = tables.find(({ id }) => tableKey(id) === tableKey(table.id));
    const { config } = this.#options.context;
    const after = facts === undefined ? null : tableSchema(facts, settingsFor(config, table.id));
    const before = table.schema;
    if (columns === undefined || after === null || before === null) return false;
    if (problems.filter(isTableProblem).some((problem) => tableKey(problem.table) === tableKey(table.id)))
      return false;
    const mapping = columnMapping(before, after, columns.change);
    if (mapping === null) return false;
    const result = await table.evolve(after, mapping, applier.takeCommit(columns.behind));
    this.#options.keeping.onRenewed(table.id, result);
    return true;
  }

  /** The tables that can be read, renewed to what they are now; the others are put off, with the reason. */
  async #readyTables(
    group: readonly Entry[],
    { tables, problems, account }: Preflight,
  ): Promise<ReadonlyMap<Entry, SnapshotTable>> {
    const { context } = this.#options;
    const ready = new Map<Entry, SnapshotTable>();
    for (const entry of group) {
      const { id } = entry.applier.table;
      const facts = tables.find((table) => tableKey(table.id) === tableKey(id));
      const [problem] = problems
        .filter(isTableProblem)
        .filter(({ table }) => tableKey(table) === tableKey(id));
      const schema = facts === undefined ? null : tableSchema(facts, settingsFor(context.config, id));
      if (facts === undefined || schema === null || problem !== undefined) {
        const why = problem ?? goneTable(id, account);
        this.#putOff(entry, why);
        continue;
      }
      const { table: lake } = entry.applier;
      await lake.renew(schema);
      entry.isStuck = false;
      const dir = join(renewalDir(context.config), encodePathName(id.database), encodePathName(id.table));
      ready.set(entry, { schema, lake, rowsEstimated: facts.rowsEstimate, dir });
    }
    return ready;
  }

  /** Reads the tables and commits them; those that were changed meanwhile are read once more later. */
  async #snapshot(ready: ReadonlyMap<Entry, SnapshotTable>): Promise<readonly Entry[]> {
    const { context, keeping } = this.#options;
    const { config, log, now } = context;
    this.#source ??= openSource(context, { patienceMs: PATIENCE_MS, reader: "renewal" });
    const progress = new ProgressTracker(now);
    this.#progress = progress;
    const endLines = everyInterval(PROGRESS_MS, () => {
      log.info("snapshot progress", progressFields(progress.state()));
    });
    try {
      const outcome = await runInit({
        ...{ config, log, now, progress, source: this.#source, patienceMs: PATIENCE_MS },
        dir: renewalDir(config),
        tables: [...ready.values()],
        signal: this.#stop.signal,
      });
      const stops = new Map(outcome.stopped.map((stop) => [tableKey(stop.table), stop]));
      const results = [...outcome.committed];
      const committed: Entry[] = [];
      for (const [entry, { lake }] of ready) {
        const stop = stops.get(tableKey(lake.id));
        if (stop === undefined) {
          keeping.onRenewed(lake.id, must(results.shift(), "the commit of a table that was read"));
          committed.push(entry);
        } else this.#again(entry, stop.message);
      }
      return committed;
    } finally {
      endLines();
      this.#progress = null;
    }
  }

  /** It was changed while it was read. */
  #again(entry: Entry, why: string): void {
    const { context, isPatient } = this.#options;
    entry.attempts++;
    if (!isPatient && entry.attempts >= ATTEMPTS_MAX) {
      this.#giveUp(entry);
      return;
    }
    const delayMs = Math.min(ALTERED_MS * 2 ** (entry.attempts - 1), ALTERED_MS_MAX);
    entry.dueMs = context.now() + delayMs;
    context.log.warn(`${formatTableId(entry.stop.table)} is read once more: ${why}`, {
      attempt: entry.attempts,
      inMs: delayMs,
    });
  }

  #failed(entry: Entry, error: SyncError, { isShared }: { readonly isShared: boolean }): void {
    const isChange = error.code === "TABLE_SCHEMA_CHANGED" || error.code === "TABLE_ABSENT";
    if (isChange) this.#again(entry, error.message);
    else if (isShared && !error.retryable) {
      entry.isAlone = true;
    } else if (error.code.startsWith("LAKE_") && !error.retryable) {
      this.#giveUp({ ...entry, stop: { ...entry.stop, ...reasonOf(error) } });
    } else {
      this.#putOff(entry, error);
    }
  }

  #putOff(entry: Entry, why: Pick<TableStop, "code" | "message" | "hint">): void {
    const { context, isPatient, keeping } = this.#options;
    entry.stop = { ...entry.stop, ...reasonOf(why) };
    if (!isPatient) {
      this.#giveUp(entry);
      return;
    }
    entry.dueMs = context.now() + PUT_OFF_MS;
    entry.isStuck = true;
    keeping.onStop(entry.stop);
  }

  #giveUp({ stop }: Entry): void {
    this.#entries.delete(tableKey(stop.table));
    this.#options.onGivenUp(stop);
  }
}

const reasonOf = ({
  code,
  message,
  hint,
}: Pick<TableStop, "code" | "message" | "hint">): Pick<TableStop, "code" | "message" | "hint"> => ({
  code,
  message,
  hint,
});
