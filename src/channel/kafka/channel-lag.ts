/**
 * How far the tables are behind what capture has published, by topic and partition: counted from the position records
 * between the oldest checkpoint and the newest one, so that it is changes that are counted and not offsets, which
 * markers of transactions take as well.
 */
import type { GtidSet } from "../../types/gtid.ts";
import { tableKey } from "../../types/table-id.ts";
import type { KafkaControl, PartitionOffsets } from "../kafkajs/control.ts";
import { startPlace } from "./cut-off.ts";
import type { RetainedUnit, PositionLog } from "./position-log.ts";
import type { ChannelTable } from "./resume.ts";

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Changes that a table has not applied. `isAtLeast`: not all positions were read. */
  readonly records: number;
  /** From the first of them to the end. */
  readonly offsets: number;
  /** Commit time at the source of the oldest unit with such a change, milliseconds since 1970; null when there is none. */
  readonly oldestMs: number | null;
  readonly start: number;
  /** The end for those who read committed records; behind it stands an open transaction. */
  readonly stable: number;
  readonly end: number;
}

/** A transaction that is open for longer than ours may be: it holds up whoever reads committed records. */
export interface HangingTransaction {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: string;
  readonly epoch: number;
  readonly openFrom: number;
  readonly lastMs: number;
}

export interface ChannelLag {
  /** Where capture has come to; null when nothing is published. */
  readonly head: { readonly gtids: string; readonly commitMs: number } | null;
  readonly partitions: readonly PartitionLag[];
  readonly hanging: readonly HangingTransaction[];
  /** More positions are unread than were looked at. */
  readonly isAtLeast: boolean;
}

export interface ChannelLagOptions {
  readonly control: KafkaControl;
  readonly log: PositionLog;
  readonly positionTopic: string;
  /** The topics of the tables; those that units name come on top. */
  readonly topics: readonly string[];
  readonly tables: readonly ChannelTable[];
  readonly transactionTimeoutMs: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** Positions that are looked at: some minutes of a busy source. */
const UNITS_MAX = 20_000;

interface Unread {
  records: number;
  from: number;
  oldestMs: number;
}

export async function readChannelLag(options: ChannelLagOptions): Promise<ChannelLag> {
  const { control, positionTopic, signal } = options;
  const { head, unread, isAtLeast } = await readUnits(options);
  const topics = new Set([positionTopic, ...options.topics, ...[...unread.keys()].map(topicOfKey)]);
  const there = await control.topics([...topics]);
  const partitions: PartitionLag[] = [];
  const hanging: HangingTransaction[] = [];
  // Brokers list topics and partitions in no order.
  for (const topic of [...there.keys()].toSorted()) {
    if (signal.aborted) break;
    const offsets = (await control.offsets(topic)).toSorted((a, b) => a.partition - b.partition);
    partitions.push(...offsets.map((one) => lagOf(topic, one, unread)));
    hanging.push(...(await hangingIn(topic, offsets, options)));
  }
  return { head, partitions, hanging, isAtLeast };
}

async function readUnits({ log, control, positionTopic, tables, signal }: ChannelLagOptions): Promise<{
  readonly head: ChannelLag["head"];
  readonly unread: ReadonlyMap<string, Unread>;
  readonly isAtLeast: boolean;
}> {
  const unread = new Map<string, Unread>();
  const [bounds] = await control.offsets(positionTopic);
  const start = bounds?.start ?? 0;
  const places = await Promise.all(tables.map((table) => startPlace(table, { log, start, signal })));
  const newest = await log.newest(signal);
  let count = 0;
  for await (const placed of log.until(Math.min(...places.map((place) => place ?? start)), signal)) {
    if (++count > UNITS_MAX) break;
    addUnread(unread, placed, tables);
  }
  const end = newest?.unit.end ?? null;
  return {
    head:
      end === null
        ? null
        : { gtids: end.position.gtids.toString(), commitMs: Math.floor(end.commitUs / 1000) },
    unread,
    isAtLeast: count > UNITS_MAX,
  };
}

/** Pure: adds what of a unit some table lacks. A part is lacking as long as the unit that it belongs to. */
function addUnread(
  unread: Map<string, Unread>,
  { unit }: RetainedUnit,
  tables: readonly ChannelTable[],
): void {
  const end: GtidSet | null = unit.end?.position.gtids ?? null;
  const behind = new Set(
    tables
      .filter(({ checkpoint: { position } }) => end === null || !position.gtids.includes(end))
      .map(({ schema }) => tableKey(schema.id)),
  );
  if (!unit.produced.some(({ table }) => behind.has(tableKey(table)))) return;
  const commitMs = Math.floor((unit.end?.commitUs ?? unit.after.last?.commitUs ?? 0) / 1000);
  for (const { topic, partition, changes, from } of unit.ranges) {
    const key = keyOf(topic, partition);
    const known = unread.get(key);
    if (known === undefined) unread.set(key, { records: changes, from, oldestMs: commitMs });
    else known.records += changes;
  }
}

function lagOf(
  topic: string,
  { partition, start, stable, end }: PartitionOffsets,
  unread: ReadonlyMap<string, Unread>,
): PartitionLag {
  const found = unread.get(keyOf(topic, partition));
  return {
    topic,
    partition,
    records: found?.records ?? 0,
    offsets: found === undefined ? 0 : Math.max(0, end - found.from),
    oldestMs: found?.oldestMs ?? null,
    start,
    stable,
    end,
  };
}

async function hangingIn(
  topic: string,
  offsets: readonly PartitionOffsets[],
  { control, transactionTimeoutMs, nowMs }: ChannelLagOptions,
): Promise<readonly HangingTransaction[]> {
  if (offsets.every(({ stable, end }) => stable === end)) return [];
  const producers = await control.producers(topic);
  return producers.flatMap(({ partition, producers: ofPartition }) =>
    ofPartition
      .filter(
        ({ openFrom, lastTimestampMs }) => openFrom >= 0 && nowMs - lastTimestampMs > transactionTimeoutMs,
      )
      .map(({ producerId, epoch, openFrom, lastTimestampMs }) => ({
        ...{ topic, partition, producerId, epoch, openFrom, lastMs: lastTimestampMs },
      })),
  );
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
const topicOfKey = (key: string): string => key.slice(0, key.lastIndexOf("/"));
