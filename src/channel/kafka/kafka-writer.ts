import { batchBytes, sliceBatch, type ChangeBatch, type RowRecords } from "../../types/change-batch.ts";
import { syncError } from "../../types/errors.ts";
import type { CapturePosition, ChannelWriter, ResumePoint } from "../../types/ports.ts";
import { rowLanes, type RowLanes } from "../../types/row-lanes.ts";
import type { SourcePosition } from "../../types/source-position.ts";
import { assert, must } from "../../util/assert.ts";
import { step } from "../../util/step.ts";
import type { ClockWatch } from "./broker-clock.ts";
import type { TransactionalProducer } from "./driver.ts";
import { again, joined } from "./held-position.ts";
import { withoutLargeRows } from "./large-batch.ts";
import type { LargeRows } from "./large-rows.ts";
import { PartCheck } from "./part-check.ts";
import { partitionRows, type PartitionRows } from "./partitioner.ts";
import {
  encodePositionRecord,
  type Place,
  type PlanRecord,
  type Range,
  type UnitRecord,
} from "./position-record.ts";
import { textBlock } from "./record-block.ts";
import type { Resumed } from "./resume.ts";
import type { BatchRouter } from "./routing/batch-router.ts";
import { PlannedRouting, type RoutingChange } from "./routing/planned-routing.ts";
import type { RoutingRule } from "./routing/rule.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";
import type { Topics } from "./topics.ts";
import { UnitLedger } from "./unit-ledger.ts";

export interface KafkaWriterOptions {
  readonly producer: TransactionalProducer;
  readonly topics: Topics;
  readonly clocks: ClockWatch;
  readonly positionTopic: string;
  readonly router: BatchRouter;
  readonly onRouting: (change: RoutingChange) => void;
  readonly identity: { readonly source: string; readonly epoch: number };
  readonly limits: WriterLimits;
  readonly tombstones: boolean;
  /** Where records go that are longer than a message may be. */
  readonly large: { readonly bytesMax: number; readonly files: LargeRows };
  readonly resumed: Resumed;
  readonly newId: () => string;
  /** Why the whole channel has failed, or null. */
  readonly failure: () => Error | null;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface WriterLimits {
  /** A source transaction beyond these is written in several Kafka transactions. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** A Kafka transaction is ended before it is open for longer, so that it does not expire. */
  readonly openMsMax: number;
  /** Longest time for which a position without rows is kept back. */
  readonly holdMs: number;
  /** The newest position is written again this often while nothing happens. */
  readonly idleMs: number;
  /** The plan is written again this often. */
  readonly planMs: number;
}

/**
 * Writes units, each as one Kafka transaction that its position record ends. A unit without rows is kept for a while,
 * so that a busy server whose other tables are written does not cost a Kafka transaction for each of its own.
 */
export class KafkaWriter implements ChannelWriter {
  readonly isCopying = true;
  readonly resume: ResumePoint;
  readonly lost: Promise<never>;
  readonly snapshots: SnapshotWriter;
  readonly #options: KafkaWriterOptions;
  #fail: (error: Error) => void = () => undefined;
  #failure: Error | null = null;
  #parent: Place | null;
  /** The plan in force and when it was written; null when it has to be written first. */
  #plan: { readonly place: Place; readonly writtenMs: number } | null = null;
  readonly #routing: PlannedRouting;
  #after: SourcePosition;
  /** Parts of the unit that is being written are in the channel. */
  #hasParts: boolean;
  #check: PartCheck;
  #isOpen = false;
  #ledger: UnitLedger;
  #openedMs: number | null = null;
  #held: CapturePosition | null = null;
  #committedMs: number;
  /** When the topics were last looked at. */
  #watchedMs: number;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(options: KafkaWriterOptions) {
    const { resumed, identity, limits, now, router, newId } = options;
    this.#options = options;
    this.resume = { from: resumed.from, schemas: resumed.schemas, stopped: resumed.plan.stopped };
    this.#parent = resumed.parent;
    this.#after = resumed.from;
    this.#routing = new PlannedRouting({ ...resumed, router, newId, onChange: options.onRouting });
    this.#hasParts = resumed.parts.length > 0;
    this.#check = new PartCheck(resumed.parts);
    this.#ledger = new UnitLedger(identity);
    this.snapshots = this.#snapshotWriter(resumed);
    this.#committedMs = now();
    this.#watchedMs = now();
    this.lost = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    this.lost.catch(() => undefined);
    this.#timer = setInterval(
      () => {
        this.#inTurn(() => this.#tick()).catch(() => undefined);
      },
      Math.min(limits.idleMs, 1000),
    );
  }

  #snapshotWriter({ due, hasForgotten, plan, from }: Resumed): SnapshotWriter {
    return new SnapshotWriter({
      due,
      hasForgotten,
      published: plan.snapshots,
      seq: from.seq,
      limits: this.#options.limits,
      inTurn: (work) => this.#inTurn(work),
      send: async (batch) => {
        assert(!this.#isOpen, "snapshots are published before changes");
        await this.#send(batch);
      },
      isOld: () => this.#isOld(),
      end: () => this.#end(again(this.#after)),
    });
  }

  /** Routes by other rules as soon as no transaction is half written; resolves when that has begun, or waits. */
  reroute(rules: readonly RoutingRule[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#routing.want(rules);
      this.#turnOver();
    });
  }

  /** Nothing of what comes behind the last position may be in Kafka already. */
  #turnOver(): void {
    if (this.#hasParts || this.#openedMs !== null) return;
    if (this.#routing.turnOver({ from: this.#after })) this.#plan = null;
  }

  begin(): Promise<void> {
    return this.#inTurn(async () => {
      assert(!this.#isOpen, "a channel transaction is already open");
      this.#turnOver();
      this.#isOpen = true;
    });
  }

  append(batch: ChangeBatch): Promise<void> {
    return this.#inTurn(async () => {
      assert(this.#isOpen, "no channel transaction is open");
      const done = this.#check.take(batch);
      if (done > 0) this.#skip(sliceBatch(batch, 0, done));
      if (done < batch.count) await this.#write(done === 0 ? batch : sliceBatch(batch, done, batch.count));
    });
  }

  /** Rows that a part holds already: they must be the same. */
  #skip(batch: ChangeBatch): void {
    const lanes = lanesOf(batch);
    for (const { target, rows } of this.#parts(batch, recordsOf(batch)))
      this.#check.add(target, batch, rows, lanes);
  }

  async #write(batch: ChangeBatch): Promise<void> {
    const { limits } = this.#options;
    const parts = await this.#send(batch);
    const lanes = lanesOf(batch);
    for (const { target, rows } of parts) this.#ledger.sent(target, batch, rows, lanes);
    this.#ledger.counted(batch, batchBytes(batch));
    if (this.#ledger.rows >= limits.rowsMax || this.#ledger.bytes >= limits.bytesMax || this.#isOld()) {
      await this.#end(null);
    }
  }

  async #send(batch: ChangeBatch): Promise<readonly PartitionRows[]> {
    const { producer, topics, large } = this.#options;
    await this.#open();
    const parts = this.#parts(batch, await withoutLargeRows(batch, recordsOf(batch), large));
    const { partitions } = topics.settings;
    const names = new Set(parts.map(({ target: { topic } }) => topic));
    await topics.ensure([...names].map((topic) => ({ topic, partitions })));
    for (const { target, block } of parts) await producer.send(target, block);
    return parts;
  }

  /** The row of a large record is in a file, so what it is routed by is looked at before. */
  #parts(batch: ChangeBatch, rows: RowRecords): readonly PartitionRows[] {
    const { topics, tombstones } = this.#options;
    const routed = this.#routing.router.route(batch, recordsOf(batch));
    return partitionRows(batch, rows, { routed, partitions: topics.settings.partitions, tombstones });
  }

  #isOld(): boolean {
    const { limits, now } = this.#options;
    return this.#openedMs !== null && now() - this.#openedMs >= limits.openMsMax;
  }

  commit(end: CapturePosition): Promise<void> {
    return this.#inTurn(async () => {
      const { limits } = this.#options;
      assert(this.#isOpen, "no channel transaction is open");
      this.#isOpen = false;
      const whole = this.#held === null ? end : joined(this.#held, end);
      this.#held = whole;
      // Parts that are there already are ended without delay as well.
      const hasRows = !this.#ledger.isEmpty || this.#hasParts;
      const isEmpty = !hasRows && whole.stops.length === 0 && whole.counts.length === 0;
      // What a resumed unit's parts hold comes again first, and its positions may lie elsewhere than they did.
      if (this.#check.isPending || (isEmpty && !this.#isDue(limits.holdMs))) return;
      await this.#end(whole);
    });
  }

  #isDue(afterMs: number): boolean {
    return this.#options.now() - this.#committedMs >= afterMs;
  }

  abort(): Promise<void> {
    return this.#inTurn(async () => {
      assert(this.#isOpen, "no channel transaction is open");
      this.#isOpen = false;
      if (this.#hasParts) throw partOpen();
      if (this.#openedMs !== null) await this.#options.producer.abort();
      this.#openedMs = null;
      this.#ledger = new UnitLedger(this.#options.identity);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn(async () => {
      if (this.#isOpen && this.#openedMs !== null) await this.#options.producer.abort();
      else if (this.#held !== null && !this.#check.isPending) await this.#end(this.#held);
      else if (!this.snapshots.isSettled) await this.#end(again(this.#after));
    }).catch(() => undefined);
    await this.#options.producer.close();
  }

  /** Writes a position that was kept for long enough, or the newest one again. */
  async #tick(): Promise<void> {
    if (this.#isOpen || this.#check.isPending) return;
    const { limits } = this.#options;
    if (this.#openedMs !== null) {
      // Rows of a snapshot are in it, and more may be long in coming.
      if (this.#isOld()) await this.#end(again(this.#after));
    } else if (this.#held !== null && this.#isDue(limits.holdMs)) {
      await this.#end(this.#held);
    } else if (this.#isDue(limits.idleMs)) {
      await this.#end(again(this.#after));
    }
  }

  /** Whether the topics are still the same, however busy the source is: others take what we write there as of old. */
  async #watch(): Promise<void> {
    const { limits, topics, now } = this.#options;
    if (now() - this.#watchedMs < limits.idleMs) return;
    await topics.watch();
    this.#watchedMs = now();
  }

  async #open(): Promise<void> {
    if (this.#openedMs !== null) return;
    step("kafka.begin");
    await this.#options.producer.begin();
    this.#openedMs = this.#options.now();
  }

  /** Ends the Kafka transaction with a unit record; without a position it is a part. */
  async #end(end: CapturePosition | null): Promise<void> {
    const { producer, topics, newId, now } = this.#options;
    await this.#open();
    if (end !== null) this.#check.requireSame();
    await this.#watch();
    step("kafka.flush");
    const ranges = this.#ledger.isEmpty
      ? []
      : this.#ledger.ranges(await producer.flush(), (t) => topics.idOf(t));
    const snapshots = this.snapshots.news();
    if (snapshots !== null) this.#routing.published(snapshots);
    const plan = (snapshots === null ? this.#planInForce() : null) ?? {
      place: await this.#writeRecord(this.#routing.plan),
      writtenMs: now(),
    };
    const unit: UnitRecord = {
      kind: "unit",
      id: newId(),
      parent: this.#parent,
      plan: plan.place,
      after: this.#after,
      end,
      produced: this.#ledger.produced,
      ranges,
    };
    const place = await this.#writeRecord(unit);
    await this.#lookAtClocks(place, ranges);
    step("kafka.commit");
    await producer.commit();
    step("kafka.committed");
    this.#openedMs = null;
    this.#committedMs = now();
    this.#plan = plan;
    this.#parent = place;
    this.#ledger = new UnitLedger(this.#options.identity);
    if (end === null) {
      this.#hasParts = true;
    } else {
      this.#after = end.position;
      this.#hasParts = false;
      this.#check = new PartCheck([]);
      this.#held = null;
      this.#turnOver();
    }
  }

  /** Before the commit: when capture begins and a clock is wrong, nothing of it is seen by anybody. */
  async #lookAtClocks({ offset }: Place, ranges: readonly Range[]): Promise<void> {
    const { clocks, positionTopic: topic } = this.#options;
    const last = ranges.map(({ to, ...range }) => ({ ...range, offset: to - 1 }));
    await clocks.look([{ topic, partition: 0, offset }, ...last]);
  }

  /** Null when it has to be written again, before retention removes the one that units name. */
  #planInForce(): { readonly place: Place; readonly writtenMs: number } | null {
    const { limits, now } = this.#options;
    return this.#plan !== null && now() - this.#plan.writtenMs < limits.planMs ? this.#plan : null;
  }

  async #writeRecord(record: PlanRecord | UnitRecord): Promise<Place> {
    const { producer, positionTopic } = this.#options;
    await producer.send({ topic: positionTopic, partition: 0 }, textBlock(encodePositionRecord(record)));
    const written = await producer.flush();
    const range = must(
      written.find(({ topic }) => topic === positionTopic),
      "where the position record is",
    );
    return { id: record.id, offset: range.to - 1 };
  }

  /** One call after another; after a failure none. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      this.#failure ??= this.#options.failure();
      if (this.#failure !== null) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        clearInterval(this.#timer);
        this.#fail(this.#failure);
        throw error;
      }
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

function recordsOf({ rows }: ChangeBatch): RowRecords {
  assert(rows.form === "records", "Kafka takes rows as records");
  return rows;
}

const lanesOf = (batch: ChangeBatch): RowLanes => rowLanes(batch.rows, batch.count);

/** The stream begins the unit anew with other numbers; a new writer and a new stream begin it with the same. */
const partOpen = (): Error =>
  syncError(
    "KAFKA_PART_OPEN",
    "the connection to the source was lost inside a transaction of which a part is in Kafka",
    { hint: "it is begun anew by itself, behind that part" },
  );
