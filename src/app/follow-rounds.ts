import type { Preflight } from "../capture/preflight.ts";
import type { TableApplier } from "../dedup/table-applier.ts";
import { EXIT } from "../types/errors.ts";
import type { TableStop } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { matchesTable, type TablePattern } from "../types/table-pattern.ts";
import type { CommandContext } from "./command.ts";
import { remind, runFollow, type FollowRun, type FollowState } from "./follow.ts";
import { Renewals } from "./renewal.ts";
import { PATIENCE_MS } from "./session.ts";
import type { TableKeeping } from "./table-keeping.ts";

export interface FollowRounds {
  readonly context: CommandContext;
  readonly source: FollowRun["source"];
  readonly tables: FollowRun["tables"];
  readonly look: () => Promise<Preflight>;
  readonly keeping: TableKeeping;
  /** The head of the source that is to be reached; null to go on for ever. */
  readonly target: SourcePosition | null;
  readonly openChannel: FollowRun["openChannel"];
  readonly onRunning: (state: FollowState) => void;
}

/** How often a stopped table is told about again. */
const REMIND_MS = 60_000;

/**
 * Follows tables in rounds: each is one stream into all tables that go. A round ends when a table joins them whose
 * snapshot was taken again, since where a stream begins, and with which schemas, is settled when it is opened. A table
 * that has stopped has no part in later rounds, which would only come to the same place.
 *
 * Resolves with the exit code: 0, or 1 when a table has stopped.
 */
export async function followInRounds(rounds: FollowRounds): Promise<number> {
  const { context, tables, keeping, target, onRunning } = rounds;
  const { config, log, signal } = context;
  const stopped = new Map<string, TableStop>();
  const standing = (): readonly TableStop[] =>
    [...stopped.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stop]) => stop);
  const onGivenUp = (stop: TableStop): void => {
    stopped.set(tableKey(stop.table), stop);
    keeping.onStop(stop);
  };
  /** The last one of each table, also of those that have no part in the round. */
  const appliersByKey = new Map<string, TableApplier>();
  const renewals = new Renewals({ ...rounds, isPatient: target === null, onGivenUp });
  const resnapshot = (patterns: readonly TablePattern[]): readonly TableId[] => {
    const meant = [...appliersByKey.values()].filter(({ table }) =>
      patterns.some((pattern) => matchesTable(pattern, table.id)),
    );
    for (const applier of meant) {
      stopped.delete(tableKey(applier.table.id));
      renewals.request(applier);
    }
    return meant.map(({ table }) => table.id);
  };
  const reminder = setInterval(() => {
    remind(standing(), log);
  }, REMIND_MS);
  try {
    do {
      // Old files of tables may still be on their way out, by the appliers of the round before.
      await keeping.settled();
      const joining = renewals.beginRound();
      const going = tables.filter(({ id }) => !stopped.has(tableKey(id)) && !renewals.has(id));
      if (going.length === 0) continue;
      await runFollow({
        ...{ config, log, source: rounds.source, tables: going },
        target: target?.gtids ?? null,
        signal: AbortSignal.any([signal, joining]),
        // The clock of the machine may be set back by an hour, and commits must not wait for it.
        now: () => performance.now(),
        ...(target === null ? {} : { targetEnd: target, patienceMs: PATIENCE_MS }),
        ...(rounds.openChannel === undefined ? {} : { openChannel: rounds.openChannel }),
        onRunning: ({ appliers, backlog }) => {
          for (const applier of appliers) appliersByKey.set(tableKey(applier.table.id), applier);
          onRunning({
            ...{ appliers, backlog, resnapshot },
            stops: () => [...standing(), ...renewals.stuck()],
            underWay: () => renewals.underWay(),
          });
        },
        onCommit: keeping.onCommit,
        onStop: (stop, applier) => {
          if (!renewals.take(stop, applier)) onGivenUp(stop);
        },
      });
    } while (await renewals.next(signal));
  } finally {
    clearInterval(reminder);
    await renewals.close();
  }
  for (const stop of renewals.stuck()) stopped.set(tableKey(stop.table), stop);
  remind(standing(), log);
  return stopped.size > 0 ? EXIT.mismatch : EXIT.ok;
}
