import type { GtidSet } from "../../types/gtid.ts";
import { formatTableId, tableKey } from "../../types/table-id.ts";
import type { PositionLog } from "./position-log.ts";
import type { Range } from "./position-record.ts";
import type { ChannelTable } from "./resume.ts";
import type { Retained } from "./retained.ts";

export interface CutOffOptions {
  readonly log: PositionLog;
  readonly positionTopic: string;
  /** First offset that the position topic retains. */
  readonly start: number;
  /** Of a topic; null when it is not there. */
  readonly retained: (topic: string) => Promise<Retained | null>;
  readonly signal: AbortSignal;
}

/**
 * Which tables cannot be brought on by what the channel still holds, and why: retention has removed something that a
 * table has not applied, or the topic was made anew.
 */
export async function findCutOff(
  tables: readonly ChannelTable[],
  options: CutOffOptions,
): Promise<ReadonlyMap<string, string>> {
  const cutOff = new Map<string, string>();
  const places = await startPlaces(tables, options);
  const pending: { readonly key: string; readonly gtids: GtidSet; readonly from: number }[] = [];
  tables.forEach(({ schema, checkpoint }, i) => {
    const key = tableKey(schema.id);
    const from = places[i] ?? null;
    if (from === null) {
      cutOff.set(
        key,
        `${options.positionTopic} begins behind what ${formatTableId(schema.id)} has applied: retention has removed positions`,
      );
    } else pending.push({ key, gtids: checkpoint.position.gtids, from });
  });
  if (pending.length === 0) return cutOff;
  const retained = remembered(options.retained);
  let parts: readonly Range[] = [];
  const from = Math.min(...pending.map((table) => table.from));
  for await (const { unit, place } of options.log.until(from, options.signal)) {
    const { end } = unit;
    const ranges = [...parts, ...unit.ranges];
    parts = end === null ? ranges : [];
    if (end === null) continue;
    const waiting = pending.filter(
      (table) =>
        !cutOff.has(table.key) && place.offset >= table.from && !table.gtids.includes(end.position.gtids),
    );
    if (waiting.length === 0) continue;
    for (const { topic, topicId, partition, from: first } of ranges) {
      const found = await retained(topic);
      const start = found?.starts.get(partition) ?? Infinity;
      if (found?.topicId === topicId && start <= first) continue;
      const reason =
        found?.topicId === topicId
          ? `${topic}/${partition} begins at offset ${start}, and what is not applied yet at ${first}: retention has removed records`
          : `the topic ${topic} was deleted with records that are not applied yet`;
      for (const { key } of waiting) cutOff.set(key, reason);
    }
  }
  return cutOff;
}

/** Asks for each topic once. */
function remembered<T>(ask: (topic: string) => Promise<T>): (topic: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (topic) => {
    const answer = known.get(topic) ?? ask(topic);
    known.set(topic, answer);
    return answer;
  };
}

/**
 * Offset from which on the position topic brings each table on; null when it does not reach back so far. That is the
 * newest generation that begins with something that the table has: it holds all that comes behind once more, and the
 * records before it may be gone, which is why it was begun.
 */
export async function startPlaces(
  tables: readonly ChannelTable[],
  options: Pick<CutOffOptions, "log" | "start" | "signal">,
): Promise<readonly (number | null)[]> {
  const places = await Promise.all(tables.map((table) => startPlace(table, options)));
  const from = Math.min(...places.map((place) => place ?? options.start));
  for await (const { unit, plan, place } of options.log.until(from, options.signal)) {
    if (unit.parent !== null) continue;
    const planned = new Set(plan?.tables.map(({ table }) => tableKey(table)));
    tables.forEach(({ schema, checkpoint }, i) => {
      const isBegun = checkpoint.position.gtids.includes(unit.after.gtids);
      if (planned.has(tableKey(schema.id)) && isBegun) places[i] = place.offset;
    });
  }
  return places;
}

/** Of one table, whatever generations there are. */
export async function startPlace(
  { checkpoint }: Pick<ChannelTable, "checkpoint">,
  { log, start, signal }: Pick<CutOffOptions, "log" | "start" | "signal">,
): Promise<number | null> {
  const { channel, position } = checkpoint;
  if (channel !== undefined) {
    if ((await log.at(channel, signal)) !== null) return channel.offset + 1;
    if (channel.offset < start && start > 0) return null;
  }
  // From elsewhere, or of another topic of this name: what is there must begin with something that the table has.
  for await (const { unit } of log.until(start, signal)) {
    return position.gtids.includes(unit.after.gtids) ? start : null;
  }
  return start;
}
