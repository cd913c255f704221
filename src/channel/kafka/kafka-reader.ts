import type { ChangeBatch } from "../../types/change-batch.ts";
import type { SourceIdentity } from "../../types/checkpoint.ts";
import type { CapturePosition, Delivery, TableCounts, TableStop } from "../../types/ports.ts";
import { tableKey } from "../../types/table-id.ts";
import type { Log } from "../../util/log.ts";
import { must } from "../../util/assert.ts";
import { blockedStop, changedStop, stepOf, type ReaderTable } from "./coverage.ts";
import type { RecordReader } from "./driver.ts";
import type { LargeRows } from "./large-rows.ts";
import { PartitionStream } from "./partition-stream.ts";
import type { PlacedUnit, PositionLog } from "./position-log.ts";
import type { Range, UnitRecord } from "./position-record.ts";
import { RangeCursor } from "./range-cursor.ts";
import { mergeUnit } from "./unit-merge.ts";

export interface KafkaReaderOptions {
  readonly log: Log;
  readonly positionLog: PositionLog;
  readonly positionTopic: string;
  /** Of data: what is committed is known from the position records. */
  readonly reader: RecordReader;
  readonly identity: SourceIdentity;
  readonly tables: readonly ReaderTable[];
  /** Offset in the position topic from which on units may bring a table on. */
  readonly from: number;
  readonly large: LargeRows;
  /** Bytes that may be kept of what was fetched ahead. */
  readonly bytesMax: number;
  /** How long a table may wait for a unit that brings it on before it stops. */
  readonly blockedMsMax: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Delivers units to the tables that they bring on. */
export class KafkaReader {
  readonly #options: KafkaReaderOptions;
  readonly #streams = new Map<string, PartitionStream>();
  #ordinal = 0;
  /** Parts of the unit that is being written. */
  #parts: PlacedUnit[] = [];
  #newest: PlacedUnit | null = null;

  constructor(options: KafkaReaderOptions) {
    this.#options = options;
  }

  /** The newest unit that was read. */
  get newest(): PlacedUnit | null {
    return this.#newest;
  }

  async *deliveries(signal: AbortSignal): AsyncGenerator<Delivery, void, void> {
    const { positionLog, from } = this.#options;
    for await (const placed of positionLog.follow(from, signal)) {
      const delivery = placed === null ? this.#stuck() : this.#take(placed, signal);
      if (delivery !== null) yield delivery;
    }
  }

  #take(placed: PlacedUnit, signal: AbortSignal): Delivery | null {
    const { unit } = placed;
    this.#follows(placed);
    const isGoingOn = this.#parts.length > 0 && unit.parent?.id === this.#parts.at(-1)?.unit.id;
    if (!isGoingOn) this.#parts = [];
    if (unit.end === null) {
      this.#parts.push(placed);
      return null;
    }
    const units = [...this.#parts.map((part) => part.unit), unit];
    this.#parts = [];
    return this.#deliver(placed, { units, end: unit.end, signal });
  }

  /** Says so when the chain does not go on from the unit before: a fork, or another generation. */
  #follows(placed: PlacedUnit): void {
    const { unit, place } = placed;
    const { log, positionTopic } = this.#options;
    const before = this.#newest;
    if (before !== null && unit.parent?.id !== before.place.id) {
      log.warn(
        unit.parent === null
          ? "capture has begun a new generation of positions"
          : "a position names another predecessor; what tables hold already is left out",
        {
          topic: positionTopic,
          offset: place.offset,
          before: before.place.offset,
          from: unit.after.gtids.toString(),
        },
      );
    }
    this.#newest = placed;
  }

  #deliver(
    placed: PlacedUnit,
    {
      units,
      end,
      signal,
    }: { readonly units: readonly UnitRecord[]; readonly end: CapturePosition; readonly signal: AbortSignal },
  ): Delivery | null {
    const taking: ReaderTable[] = [];
    const stops: TableStop[] = [];
    for (const table of this.#options.tables) {
      if (table.isStopped || placed.place.offset < table.from) continue;
      const step = stepOf(table, placed, end.position.gtids);
      table.blocked = step === "uncaptured" || step === "hole" ? step : null;
      if (table.blocked === null) table.blockedSinceMs = null;
      if (step === "changed") stops.push(changedStop(table));
      if (step !== "next" && step !== "changed") continue;
      taking.push(table);
    }
    if (taking.length === 0) return null;
    const keys = new Set(taking.map(({ schema }) => tableKey(schema.id)));
    const all = [...end.stops.filter(({ table }) => keys.has(tableKey(table))), ...stops];
    for (const { table } of all) this.#stop(table.database, table.table);
    const produced = units.flatMap((unit) => unit.produced);
    const counts = [...end.counts, ...produced].filter(({ table }) => keys.has(tableKey(table)));
    for (const table of taking) if (!table.isStopped) table.position = end.position;
    const hasRows = produced.some(({ table }) => keys.has(tableKey(table)));
    const ranges = hasRows ? units.flatMap((unit) => unit.ranges) : [];
    return {
      batches: this.#batches(ranges, taking, signal),
      end: { ...end, stops: all, counts: joinCounts(counts) },
      tables: keys,
      origin: { place: placed.place, serverUuid: placed.plan.serverUuid },
    };
  }

  #stop(database: string, table: string): void {
    const key = tableKey({ database, table });
    for (const one of this.#options.tables) if (tableKey(one.schema.id) === key) one.isStopped = true;
  }

  /**
   * Nothing more is there: a table that the newest unit does not bring on stays where it is, and after a while it
   * stops. That capture goes on without it, or only says that it is there, does not help it.
   */
  #stuck(): Delivery | null {
    const { tables, positionTopic, blockedMsMax, now } = this.#options;
    for (const table of tables) {
      // While nothing at all has come, capture was not started yet.
      if (table.blocked !== null) table.blockedSinceMs ??= now();
      if (table.blockedSinceMs === null || now() - table.blockedSinceMs < blockedMsMax) continue;
      const stop = table.isStopped ? null : blockedStop(table, positionTopic);
      if (stop === null) continue;
      table.isStopped = true;
      return {
        batches: nothing(),
        end: {
          kind: "position",
          position: table.position,
          commitUs: 0,
          transactions: 0,
          stops: [stop],
          counts: [],
        },
        tables: new Set([tableKey(table.schema.id)]),
        origin: null,
      };
    }
    return null;
  }

  async *#batches(
    ranges: readonly Range[],
    taking: readonly ReaderTable[],
    signal: AbortSignal,
  ): AsyncGenerator<ChangeBatch, void, void> {
    if (ranges.length === 0) return;
    const { source, epoch } = this.#options.identity;
    const byPartition = new Map<string, Range[]>();
    for (const range of ranges) {
      const key = `${range.topicId} ${range.topic}/${range.partition}`;
      const known = byPartition.get(key);
      if (known === undefined) byPartition.set(key, [range]);
      else known.push(range);
    }
    const cursors = [...byPartition].map(
      ([key, list]) => new RangeCursor(this.#stream(key, list), list, `${source}/${epoch}/`),
    );
    yield* mergeUnit({
      cursors,
      schemas: taking.map(({ schema }) => schema),
      nextOrdinal: () => ++this.#ordinal,
      large: this.#options.large,
      signal,
    });
    this.#forget();
  }

  #stream(key: string, ranges: readonly Range[]): PartitionStream {
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const { topic, partition, topicId } = must(ranges[0], "a range");
    const stream = new PartitionStream(this.#options.reader, { topic, partition, topicId });
    this.#streams.set(key, stream);
    return stream;
  }

  /** Gives memory back when partitions keep too much of what comes later. */
  #forget(): void {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.bytes;
    if (bytes > this.#options.bytesMax) this.#streams.clear();
  }
}

async function* nothing(): AsyncGenerator<ChangeBatch, void, void> {}

/** The counts of each table in one list: those of capture, and those of each Kafka transaction. */
function joinCounts(counts: readonly TableCounts[]): readonly TableCounts[] {
  const byTable = new Map<string, TableCounts>();
  for (const { table, counts: more } of counts) {
    const key = tableKey(table);
    byTable.set(key, { table, counts: [...(byTable.get(key)?.counts ?? []), ...more] });
  }
  return [...byTable.values()];
}
