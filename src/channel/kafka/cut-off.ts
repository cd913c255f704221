import type { GtidSet } from "../../types/gtid.ts";
import { formatTableId, tableKey } from "../../types/table-id.ts";
import type { PositionLog } from "./position-log.ts";
import type { ChannelTable } from "./resume.ts";

export interface CutOffOptions {
  readonly log: PositionLog;
  readonly positionTopic: string;
  /** First offset that the position topic retains. */
  readonly start: number;
  /** Of a topic: its id and the first retained offset by partition; null when it is not there. */
  readonly retained: (
    topic: string,
  ) => Promise<{ readonly topicId: string; readonly starts: ReadonlyMap<number, number> } | null>;
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
  const places = await Promise.all(tables.map((table) => startPlace(table, options)));
  const pending: { readonly key: string; readonly gtids: GtidSet }[] = [];
  tables.forEach(({ schema, checkpoint }, i) => {
    const key = tableKey(schema.id);
    if (places[i] === null) {
      cutOff.set(
        key,
        `${options.positionTopic} begins behind what ${formatTableId(schema.id)} has applied: retention has removed positions`,
      );
    } else pending.push({ key, gtids: checkpoint.position.gtids });
  });
  if (pending.length === 0) return cutOff;
  const from = Math.min(...places.filter((place) => place !== null));
  for await (const { unit } of options.log.until(from, options.signal)) {
    const waiting = pending.filter(
      ({ key, gtids }) => !cutOff.has(key) && unit.end !== null && !gtids.includes(unit.end.position.gtids),
    );
    if (waiting.length === 0) continue;
    for (const { topic, topicId, partition, from: first } of unit.ranges) {
      const found = await options.retained(topic);
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

/** Offset from which on the position topic brings a table on; null when it does not reach back so far. */
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
