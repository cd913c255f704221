import { isSyncError, syncError } from "../../types/errors.ts";
import { kafkaHint } from "./broker-error.ts";
import type { RecordReader } from "./driver.ts";
import { decodePositionRecord, type Place, type PlanRecord, type UnitRecord } from "./position-record.ts";

/** A unit, where it stands, and the plan that holds for it: null when retention has removed that one already. */
export interface RetainedUnit {
  readonly unit: UnitRecord;
  readonly plan: PlanRecord | null;
  readonly place: Place;
}

/** The same with its plan, without which nobody can apply it. */
export interface PlacedUnit extends RetainedUnit {
  readonly plan: PlanRecord;
}

export interface PositionLogOptions {
  readonly topic: string;
  readonly topicId: string;
  /** Of committed records. */
  readonly reader: RecordReader;
  /** First record that is retained, and the end for readers of committed records. */
  readonly bounds: () => Promise<{ readonly start: number; readonly stable: number }>;
}

const FETCH_BYTES = 1 << 20;
/** More than one fetch brings, so that its units find their plans. */
const PLAN_BYTES_MAX = 4 * FETCH_BYTES;
const FETCH_WAIT_MS = 500;
/** Answers without records, one behind the other, where there must be some. */
const EMPTY_MAX = 20;
/** Offsets of the last transactions that are looked at first for the newest unit: each takes some three. */
const TAIL_OFFSETS = 64;

/** Reads the position topic: its newest unit, or all units from a place on. */
export class PositionLog {
  readonly #options: PositionLogOptions;
  /** Of those that were read last; any other is read again. */
  readonly #plans = new Map<string, { readonly plan: PlanRecord; readonly bytes: number }>();
  #planBytes = 0;
  /** Plans that are not there any more; units name each many times. */
  readonly #lost = new Set<string>();

  constructor(options: PositionLogOptions) {
    this.#options = options;
  }

  /** The newest unit, parts included; null when there is none. What stands there now is read whole. */
  async newest(signal: AbortSignal): Promise<RetainedUnit | null> {
    const { start, stable } = await this.#options.bounds();
    for (let count = TAIL_OFFSETS; ; count *= 8) {
      const from = Math.max(start, stable - count);
      let newest: { readonly unit: UnitRecord; readonly place: Place } | null = null;
      for await (const entry of this.#records(from, stable, signal)) newest = entry;
      if (newest !== null) return await this.#retained(newest, signal);
      if (from === start) return null;
    }
  }

  /** Units up to now, from this offset on. */
  async *until(from: number, signal: AbortSignal): AsyncGenerator<RetainedUnit, void, void> {
    const { stable } = await this.#options.bounds();
    for await (const entry of this.#records(from, stable, signal)) yield await this.#retained(entry, signal);
  }

  /**
   * Units from this offset on, as they come. Each time that none has come for a while, it gives null.
   *
   * @throws SyncError KAFKA_OFFSET_GONE when retention has removed a unit, or its plan
   */
  async *follow(from: number, signal: AbortSignal): AsyncGenerator<PlacedUnit | null, void, void> {
    for (let offset = from; ;) {
      const { units, nextOffset } = await this.#fetch(offset, FETCH_WAIT_MS, signal);
      for (const entry of units) yield await this.#placed(entry, signal);
      if (units.length === 0) yield null;
      offset = nextOffset;
    }
  }

  /** The unit at a place, or null when there is another record, or none. */
  async at(place: Place, signal: AbortSignal): Promise<RetainedUnit | null> {
    const { start, stable } = await this.#options.bounds();
    if (place.offset < start || place.offset >= stable) return null;
    const { units } = await this.#fetch(place.offset, 0, signal);
    const [first] = units;
    if (first === undefined || first.place.offset !== place.offset || first.place.id !== place.id)
      return null;
    return await this.#retained(first, signal);
  }

  async *#records(
    from: number,
    to: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly unit: UnitRecord; readonly place: Place }, void, void> {
    for (let offset = from, empty = 0; offset < to;) {
      const { units, nextOffset } = await this.#fetch(offset, empty === 0 ? 0 : FETCH_WAIT_MS, signal);
      for (const entry of units) if (entry.place.offset < to) yield entry;
      // Committed records up to there are on a broker. One that has just begun to lead may not show them yet.
      empty = nextOffset > offset ? 0 : empty + 1;
      if (empty > EMPTY_MAX) throw this.#ended(offset, to);
      offset = nextOffset;
    }
  }

  #ended(offset: number, to: number): Error {
    const what = `${this.#options.topic} gives no records at offset ${offset}, and it has some up to ${to}`;
    return syncError("KAFKA_UNREACHABLE", what, { hint: kafkaHint("KAFKA_UNREACHABLE") });
  }

  async #fetch(
    offset: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{
    readonly units: readonly { readonly unit: UnitRecord; readonly place: Place }[];
    readonly nextOffset: number;
  }> {
    const { topic, topicId, reader } = this.#options;
    const request = { topic, topicId, partition: 0, offset, bytesMax: FETCH_BYTES, waitMs };
    const { blocks, nextOffset } = await reader.fetch(request, signal);
    const units: { readonly unit: UnitRecord; readonly place: Place }[] = [];
    for (const { count, offsets, bytes, values } of blocks) {
      for (let i = 0; i < count; i++) {
        const at = offsets[i] as number;
        if (at < offset) continue;
        const from = values.start[i] as number;
        const text =
          from < 0
            ? ""
            : Buffer.from(bytes.buffer, bytes.byteOffset + from, (values.end[i] as number) - from);
        const record = decodePositionRecord(text.toString(), { topic, offset: at });
        if (record.kind === "plan") this.#keep(record, text.length);
        else units.push({ unit: record, place: { id: record.id, offset: at } });
      }
    }
    return { units, nextOffset };
  }

  /** While snapshots are published, each Kafka transaction has a plan of its own. */
  #keep(plan: PlanRecord, bytes: number): void {
    this.#forget(plan.id);
    this.#plans.set(plan.id, { plan, bytes });
    this.#planBytes += bytes;
    for (const id of this.#plans.keys()) {
      if (this.#planBytes <= PLAN_BYTES_MAX || id === plan.id) return;
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#planBytes -= this.#plans.get(id)?.bytes ?? 0;
    this.#plans.delete(id);
  }

  async #retained(
    entry: { readonly unit: UnitRecord; readonly place: Place },
    signal: AbortSignal,
  ): Promise<RetainedUnit> {
    const { id } = entry.unit.plan;
    if (this.#lost.has(id)) return { ...entry, plan: null };
    try {
      return await this.#placed(entry, signal);
    } catch (error) {
      if (!isSyncError(error, "KAFKA_OFFSET_GONE")) throw error;
      this.#lost.add(id);
      return { ...entry, plan: null };
    }
  }

  async #placed(
    { unit, place }: { readonly unit: UnitRecord; readonly place: Place },
    signal: AbortSignal,
  ): Promise<PlacedUnit> {
    const { topic } = this.#options;
    if (!this.#plans.has(unit.plan.id)) await this.#fetch(unit.plan.offset, 0, signal);
    const known = this.#plans.get(unit.plan.id);
    if (known !== undefined) return { unit, plan: known.plan, place };
    throw syncError(
      "KAFKA_CHAIN_BROKEN",
      `${topic} at offset ${place.offset} names a plan at offset ${unit.plan.offset}, which is not there`,
      { hint: "start `tallylake capture` again: it publishes anew from the tables' positions on" },
    );
  }
}

/** The newest unit that ends at a position, and the parts that were written behind it. */
export async function headOf(
  positionLog: PositionLog,
  signal: AbortSignal,
): Promise<{ readonly head: RetainedUnit | null; readonly parts: readonly RetainedUnit[] }> {
  const parts: RetainedUnit[] = [];
  let head = await positionLog.newest(signal);
  while (head !== null && head.unit.end === null) {
    parts.unshift(head);
    head = head.unit.parent === null ? null : await positionLog.at(head.unit.parent, signal);
  }
  return { head, parts };
}
