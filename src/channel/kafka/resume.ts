/**
 * Where capture goes on, decided from what the channel holds and where the tables of the lake stand. It goes on
 * behind the newest unit when every table can be brought there from its own checkpoint by what is still in the channel.
 * Otherwise it begins a new generation at the oldest position of all tables: it publishes again what was lost, and a
 * table leaves out what it has. It never begins at the head of the source.
 */
import { commonStart } from "../../types/common-start.ts";
import type { Checkpoint, SourceIdentity } from "../../types/checkpoint.ts";
import type { DueSnapshot, TableStop } from "../../types/ports.ts";
import type { SourcePosition } from "../../types/source-position.ts";
import { formatTableId, tableKey } from "../../types/table-id.ts";
import type { TableSchema } from "../../types/table-schema.ts";
import { must } from "../../util/assert.ts";
import type { RetainedUnit } from "./position-log.ts";
import type { Place, PlanRecord, PublishedSnapshot, UnitRecord } from "./position-record.ts";
import type { RoutingRule } from "./routing/rule.ts";
import { standingSnapshots, type FirstInstants } from "./snapshot-plan.ts";

export interface ChannelTable {
  /** As the source has it now. */
  readonly schema: TableSchema;
  /** Of the table in the lake. */
  readonly checkpoint: Checkpoint;
}

export interface ResumeFacts {
  readonly identity: SourceIdentity;
  readonly tables: readonly ChannelTable[];
  /** The newest unit that ends at a position; null when the channel holds none. */
  readonly head: RetainedUnit | null;
  /** Tables, by `tableKey`, that have not applied something that the channel does not hold any more; with the reason. */
  readonly cutOff: ReadonlyMap<string, string>;
  /** Of the tables, when their rows are to be published; null when they are not. */
  readonly firsts: FirstInstants | null;
}

export interface Resume {
  readonly from: SourcePosition;
  /** Null: behind the head. Otherwise why a new generation begins. */
  readonly newGeneration: string | null;
  /** The tables to capture. */
  readonly tables: readonly ChannelTable[];
  /** Tables that stay where they stopped. */
  readonly stopped: readonly TableStop[];
  /** What counts as published of snapshots. */
  readonly snapshots: readonly PublishedSnapshot[];
  /** Whether the head's plan says the same, and what is half written behind it may stay there. */
  readonly isSamePlan: boolean;
}

/** Where a writer goes on. */
export interface Resumed {
  readonly from: SourcePosition;
  readonly schemas: readonly TableSchema[];
  /** The unit that it follows; null when a new generation begins. */
  readonly parent: Place | null;
  readonly plan: PlanRecord;
  /** Parts of the unit that was being written, which the next one goes on with. */
  readonly parts: readonly UnitRecord[];
  /** Those that are to hold behind that unit. */
  readonly rules: readonly RoutingRule[];
  /** Tables whose rows are to be published in front of what comes; without parts, which would stand before them. */
  readonly due: readonly DueSnapshot[];
  /** The plan has less of snapshots than the one before, which is to be written even if nothing else is. */
  readonly hasForgotten: boolean;
}

export function planResume({ identity, tables, head, cutOff, firsts }: ResumeFacts): Resume {
  const plan = head?.plan ?? null;
  const isOurs = plan?.source === identity.source && plan.epoch === identity.epoch;
  const stopped = isOurs && head !== null ? standing(plan, head, tables) : [];
  const halted = new Set(stopped.map(({ table }) => tableKey(table)));
  const going = tables.filter(({ schema }) => !halted.has(tableKey(schema.id)));
  const schemas = going.map(({ schema }) => schema);
  const published = isOurs ? standingSnapshots(plan, schemas, firsts) : [];
  const whole = new Set(published.filter(({ isDone }) => isDone).map(({ table }) => tableKey(table)));
  const anew = (reason: string): Resume => ({
    from: going.length === 0 ? commonStart(tables.map(({ checkpoint }) => checkpoint)) : startOf(going, head),
    newGeneration: reason,
    tables: going,
    stopped,
    // What was lost of a table's changes may have been lost of its rows as well.
    snapshots: published.filter(({ table, isDone }) => isDone && !cutOff.has(tableKey(table))),
    isSamePlan: false,
  });
  if (head === null) return anew("the channel holds no position yet");
  if (plan === null) return anew("retention has removed what the newest position of the channel refers to");
  if (!isOurs) {
    return anew(
      `the channel holds ${plan.source} in epoch ${plan.epoch}, and this is epoch ${identity.epoch} of ${identity.source}`,
    );
  }
  const { position } = must(head.unit.end, "the end of the newest unit");
  const planned = new Map(plan.tables.map((entry) => [tableKey(entry.table), entry.version]));
  for (const { schema, checkpoint } of going) {
    const reason = cutOff.get(tableKey(schema.id));
    if (reason !== undefined) return anew(reason);
    const isCaptured = planned.get(tableKey(schema.id)) === schema.version;
    const isPublished = firsts === null || whole.has(tableKey(schema.id));
    if ((isCaptured && isPublished) || checkpoint.position.gtids.includes(position.gtids)) continue;
    return anew(
      isCaptured
        ? `the rows of ${formatTableId(schema.id)} are to be published, and the lake has it as it was before`
        : `${formatTableId(schema.id)} has not been captured since its checkpoint`,
    );
  }
  const isSamePlan =
    plan.stopped.length === stopped.length &&
    planned.size === going.length &&
    plan.snapshots.length === published.length &&
    // The rows of a table must not stand behind a part of a transaction that they do not hold.
    (firsts === null || published.length === going.length) &&
    going.every(({ schema }) => planned.get(tableKey(schema.id)) === schema.version);
  // A table that is added may stand further on, and its rows must not get a lower number than they have there.
  const seq = Math.max(position.seq, ...going.map(({ checkpoint }) => checkpoint.position.seq));
  return {
    from: isSamePlan ? position : { ...position, seq },
    newGeneration: null,
    tables: going,
    stopped,
    snapshots: published,
    isSamePlan,
  };
}

/** The highest `seq` may stand in the channel alone. */
function startOf(tables: readonly ChannelTable[], head: RetainedUnit | null): SourcePosition {
  const start = commonStart(tables.map(({ checkpoint }) => checkpoint));
  const published = head?.unit.end?.position.seq ?? 0;
  return { ...start, seq: Math.max(start.seq, published) };
}

/** Stops that still hold: a table whose checkpoint lies behind the stop got there by a new snapshot. */
function standing(
  plan: PlanRecord,
  head: RetainedUnit,
  tables: readonly ChannelTable[],
): readonly TableStop[] {
  const checkpoints = new Map(tables.map(({ schema, checkpoint }) => [tableKey(schema.id), checkpoint]));
  return [...plan.stopped, ...(head.unit.end?.stops ?? [])].filter(({ table, at }) => {
    const checkpoint = checkpoints.get(tableKey(table));
    return checkpoint !== undefined && at.gtids.includes(checkpoint.position.gtids);
  });
}

/** What units are to name from there on, but for the rules. */
export const newPlan = (
  { tables, stopped, snapshots }: Resume,
  { identity, serverUuid, id }: { identity: SourceIdentity; serverUuid: string; id: string },
): Omit<PlanRecord, "routing"> => ({
  kind: "plan",
  id,
  ...identity,
  serverUuid,
  tables: tables.map(({ schema }) => ({ table: schema.id, version: schema.version })),
  stopped,
  snapshots,
});
