/**
 * The channel through Kafka: capture and apply as processes of their own, and others who read the same topics.
 *
 *     capture ──▶ KafkaWriter ══▶ topics of changes, one record for each change ══▶ anybody
 *                     │                        ║
 *                     └─────▶ position topic ══╩══▶ KafkaReader ──▶ apply
 *
 * Job. The writer makes one Kafka transaction of each unit of capture: the changes, spread over partitions by key, and
 * last a position record that names for every partition what was written there (producer, offsets, count, first and
 * last `seq`, digest), where the source stands behind it, and its predecessor. The reader follows the position records,
 * fetches the named ranges by offset and puts them together in the order of the binlog.
 *
 * Guarantees. A unit reaches the tables whole or not at all, in order, its effect once: "is it in?" is asked of source
 * positions, in the checkpoint of each table. Of the client's own filtering of aborted transactions nothing depends but
 * which position records are there; of the broker nothing but that it keeps what it acknowledged, and a digest shows
 * when it did not. There is one writer: a second one fences the first off by the transactional id. Other consumers see
 * each change once while one chain goes on, if they read committed records; a new generation repeats changes under the
 * same event ids.
 *
 * | it breaks                                  | what follows                                                   |
 * |--------------------------------------------|----------------------------------------------------------------|
 * | capture dies before its commit             | the transaction is aborted, by the next capture or by its timeout; the binlog is read again from the newest position |
 * | … behind its commit                        | the next capture finds the position record and goes on behind it |
 * | the answer to a commit is lost             | a new producer, then the newest position says what became of it |
 * | capture is stopped and comes back later    | it is fenced and ends; what it wrote is aborted                |
 * | a source transaction in several parts      | the next capture leaves out what is there, and compares it     |
 * | capture dies while it publishes rows       | the next one goes on behind the last that is committed (`kafka/snapshot-writer.ts`) |
 * | apply dies                                 | each table goes on from its checkpoint, which names its position record |
 * | records are gone before they were applied  | apply stops; capture begins a new generation at the oldest checkpoint |
 * | a topic is deleted, made anew, partitioned anew | both stop; the same                                       |
 * | a broker lost what it had acknowledged     | apply stops before the commit; the same                        |
 * | the clock of a broker is wrong              | capture does not begin, and commits nothing; later it warns    |
 *
 * Limits. Topics are deleted by age, never compacted. The position topic has one partition and is read whole from
 * the oldest table's checkpoint on. Changes of several tables in one topic are possible, one table in several topics as
 * well (`routing`); the order of one key holds inside one partition. A row that is routed by what it holds goes to
 * another topic when that changes, and the topic before does not hear of it. Rows that were there before the changes are
 * published only if that is asked for (`snapshots`), and live as long as any record.
 */
import type { SourceIdentity } from "../types/checkpoint.ts";
import type { SourcePosition } from "../types/source-position.ts";
import type { Channel, ChannelWriter, Delivery, Problem } from "../types/ports.ts";
import { StopError } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import type { Log } from "../util/log.ts";
import { step } from "../util/step.ts";
import { ClockWatch } from "./kafka/broker-clock.ts";
import { findCutOff, startPlaces } from "./kafka/cut-off.ts";
import { untilDecided } from "./kafka/decided.ts";
import type { Compression, Isolation, KafkaDriver, RecordReader } from "./kafka/driver.ts";
import { KafkaReader } from "./kafka/kafka-reader.ts";
import { KafkaWriter, type WriterLimits } from "./kafka/kafka-writer.ts";
import { LargeRows } from "./kafka/large-rows.ts";
import { PatientReader } from "./kafka/patient-reader.ts";
import { headOf, PositionLog } from "./kafka/position-log.ts";
import { patiently, retryLog } from "./kafka/retry-log.ts";
import { retainedIn } from "./kafka/retained.ts";
import { newPlan, planResume, type ChannelTable, type Resumed } from "./kafka/resume.ts";
import { ChannelRouting } from "./kafka/routing/channel-routing.ts";
import type { RoutingRule } from "./kafka/routing/rule.ts";
import { sameStages } from "./kafka/routing/stages.ts";
import { dueSnapshots, type FirstInstants } from "./kafka/snapshot-plan.ts";
import { namedTopics, requireDistinct, topicName } from "./kafka/topic-name.ts";
import type { TopicSettings } from "./kafka/topic-settings.ts";
import { Topics } from "./kafka/topics.ts";
import type { KafkaControl } from "./kafkajs/control.ts";

export interface KafkaChannelOptions {
  readonly driver: KafkaDriver;
  readonly control: KafkaControl;
  readonly identity: SourceIdentity;
  readonly serverUuid: string;
  /** The tables, with their checkpoints in the lake. */
  readonly tables: readonly ChannelTable[];
  /** Template of the topics of changes for which no rule holds. */
  readonly topic: string;
  /** Rules by which changes go to other topics; `reroute` replaces them. */
  readonly routing: readonly RoutingRule[];
  readonly positionTopic: string;
  readonly topics: TopicSettings;
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
  readonly deliveryTimeoutMs: number;
  readonly compression: Compression;
  readonly limits: WriterLimits;
  readonly tombstones: boolean;
  /** Of the tables, when the rows that they had before their changes are to be published; null when they are not. */
  readonly snapshots: FirstInstants | null;
  /** Folder of the rows that are too large for a message; capture and apply share it. */
  readonly largeDir: string;
  readonly readBytesMax: number;
  readonly blockedMsMax: number;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly newId: () => string;
}

/** Records are removed by whole segments, so some live for longer than the retention. */
const LARGE_RETENTIONS = 2;

export class KafkaChannel implements Channel {
  readonly takes = "records";
  readonly gives = "lines";
  readonly #options: KafkaChannelOptions;
  readonly #topics: Topics;
  readonly #clocks: ClockWatch;
  readonly #large: LargeRows;
  readonly #routing: ChannelRouting;
  #writer: KafkaWriter | null = null;
  readonly #stop = new AbortController();
  #failure: Error | null = null;

  constructor(options: KafkaChannelOptions) {
    const { control, topics, log, identity, tables, topic, now, nowMs } = options;
    this.#options = options;
    this.#large = new LargeRows(options.largeDir);
    requireDistinct([
      ...namedTopics(
        topic,
        identity.source,
        tables.map(({ schema }) => schema.id),
      ),
      { name: this.#positionTopic, of: "the position topic" },
    ]);
    this.#routing = new ChannelRouting({
      names: { source: identity.source, topic, positionTopic: this.#positionTopic },
      epoch: identity.epoch,
      schemas: tables.map(({ schema }) => schema),
      applied: tables.map(({ checkpoint }) => checkpoint.position.gtids),
      rules: options.routing,
      log,
    });
    const onWarning = ({ message, hint, code }: Problem): void => {
      log.warn(message, { code, remedy: hint });
    };
    this.#topics = new Topics(control, topics, onWarning);
    this.#clocks = new ClockWatch({ control, onWarning, now, nowMs });
  }

  get #positionTopic(): string {
    const { positionTopic, identity } = this.#options;
    return topicName(positionTopic, { source: identity.source });
  }

  /**
   * @throws SyncError KAFKA_ROUTING when the rules do not fit the tables, and those of the cluster; KAFKA_FENCED comes
   * later, to the writer that was fenced off
   */
  async writer(): Promise<ChannelWriter> {
    this.#throwFailure();
    this.#routing.requireFitting(this.#routing.rules);
    const { driver, identity, topics, log, limits, now, newId } = this.#options;
    const { signal } = this.#stop;
    const positionTopic = this.#positionTopic;
    await this.#topics.ensure([{ topic: positionTopic, partitions: 1 }]);
    step("kafka.open");
    const producer = await driver.openProducer({
      transactionalId: this.#options.transactionalId,
      transactionTimeoutMs: this.#options.transactionTimeoutMs,
      compression: this.#options.compression,
      batchBytesMax: topics.messageBytes,
      deliveryTimeoutMs: this.#options.deliveryTimeoutMs,
      onRetry: retryLog(this.#options),
    });
    const reader = await driver.openReader("committed");
    try {
      // Only now is nobody else's transaction open: what is committed stays the newest.
      await untilDecided(positionTopic, () => this.#bounds(), signal);
      const positionLog = this.#positionLog(reader);
      const resumed = await this.#resume(positionLog, signal);
      await this.#large.removeBefore(this.#options.nowMs() - topics.retentionMs * LARGE_RETENTIONS);
      const router = this.#routing.router();
      router.use(resumed.plan.routing, resumed.from.gtids);
      await this.#topics.ensure(
        [...new Set(resumed.schemas.flatMap((schema) => router.namedTopics(schema)))].map((name) => ({
          topic: name,
          partitions: topics.partitions,
        })),
      );
      this.#writer = new KafkaWriter({
        producer,
        topics: this.#topics,
        clocks: this.#clocks,
        positionTopic,
        router,
        onRouting: (change) => {
          this.#routing.tell(change);
        },
        identity,
        limits,
        tombstones: this.#options.tombstones,
        large: { bytesMax: topics.messageBytes, files: this.#large },
        resumed,
        newId,
        failure: () => this.#failure,
        now,
      });
      return this.#writer;
    } catch (error) {
      await producer.close();
      throw error;
    } finally {
      await reader.close();
      log.debug("the position topic was read", { topic: positionTopic });
    }
  }

  async #resume(positionLog: PositionLog, signal: AbortSignal): Promise<Resumed> {
    const { identity, tables, log, serverUuid, newId, control, snapshots } = this.#options;
    const { head, parts } = await headOf(positionLog, signal);
    const { start } = await this.#bounds();
    const cutOff =
      head === null
        ? new Map<string, string>()
        : await findCutOff(tables, {
            log: positionLog,
            positionTopic: this.#positionTopic,
            start,
            retained: retainedIn(control),
            signal,
          });
    const resume = planResume({ identity, tables, head, cutOff, firsts: snapshots });
    if (resume.newGeneration !== null) {
      // The first one is as it should be; any other repeats what consumers have seen.
      log[head === null ? "info" : "warn"]("the channel begins a new generation of positions", {
        reason: resume.newGeneration,
        from: resume.from.gtids.toString(),
      });
    }
    const goesOn = resume.newGeneration === null && head !== null;
    const newest = parts.at(-1) ?? head;
    const plan = newest?.plan ?? null;
    const keepsParts = goesOn && resume.isSamePlan && newest !== null && plan !== null;
    const routing = this.#routing.stages(head, newest);
    // What is half written is routed by the rules it was begun with; the writer takes the other ones behind it.
    const isPlanned = keepsParts && (parts.length > 0 || sameStages(plan.routing, routing));
    const schemas = resume.tables.map(({ schema }) => schema);
    return {
      from: resume.from,
      schemas,
      due: snapshots === null ? [] : dueSnapshots(schemas, resume.snapshots),
      hasForgotten: (head?.plan?.snapshots.length ?? 0) > resume.snapshots.length,
      parent: !goesOn ? null : keepsParts ? newest.place : head.place,
      plan: isPlanned ? plan : { ...newPlan(resume, { identity, serverUuid, id: newId() }), routing },
      parts: keepsParts ? parts.map(({ unit }) => unit) : [],
      rules: this.#routing.rules,
    };
  }

  /**
   * Routes by other rules, from the next place between two transactions on; a log line says which.
   * @throws SyncError KAFKA_ROUTING when they do not fit the tables; the rules in force stay then
   */
  async reroute(rules: readonly RoutingRule[]): Promise<void> {
    this.#routing.replace(rules);
    // A writer that failed is replaced, and the next one begins with these.
    await this.#writer?.reroute(rules).catch(() => undefined);
  }

  /** `from` is told by the checkpoints of the tables. */
  async *reader(_from: unknown, signal: AbortSignal): AsyncGenerator<Delivery, void, void> {
    this.#throwFailure();
    const { driver, identity, tables, log, readBytesMax, blockedMsMax, now, random } = this.#options;
    const any = AbortSignal.any([signal, this.#stop.signal]);
    const patience = { log, random, signal: any };
    const positionTopic = this.#positionTopic;
    await patiently(() => this.#topics.ensure([{ topic: positionTopic, partitions: 1 }]), patience);
    const open = async (isolation: Isolation): Promise<RecordReader> =>
      new PatientReader(await patiently(() => driver.openReader(isolation), patience), { log, random });
    const positions = await open("committed");
    const data = await open("uncommitted");
    try {
      const positionLog = this.#positionLog(positions);
      const { start } = await patiently(() => this.#bounds(), patience);
      const places = await patiently(
        () => startPlaces(tables, { log: positionLog, start, signal: any }),
        patience,
      );
      const reader = new KafkaReader({
        positionLog,
        positionTopic,
        reader: data,
        identity,
        log,
        // A table that the topic does not reach back to is told when nothing brings it on.
        tables: tables.map(({ schema, checkpoint }, i) => ({
          schema,
          from: places[i] ?? start,
          position: checkpoint.position,
          blocked: null,
          blockedSinceMs: null,
          isStopped: false,
        })),
        from: Math.min(...places.map((place) => place ?? start)),
        large: this.#large,
        bytesMax: readBytesMax,
        blockedMsMax,
        now,
      });
      yield* reader.deliveries(any);
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      await Promise.all([positions.close(), data.close()]);
    }
  }

  #positionLog(reader: RecordReader): PositionLog {
    const topic = this.#positionTopic;
    const topicId = this.#topics.idOf(topic);
    return new PositionLog({ topic, topicId, reader, bounds: () => this.#bounds() });
  }

  async #bounds(): Promise<{ readonly start: number; readonly stable: number; readonly end: number }> {
    const [offsets] = await this.#options.control.offsets(this.#positionTopic);
    return must(offsets, "the offsets of the position topic");
  }

  /** The newest position that it holds; null when there is none. */
  async newest(): Promise<SourcePosition | null> {
    const { driver } = this.#options;
    await this.#topics.ensure([{ topic: this.#positionTopic, partitions: 1 }]);
    const reader = await driver.openReader("committed");
    try {
      const { head } = await headOf(this.#positionLog(reader), this.#stop.signal);
      return head?.unit.end?.position ?? null;
    } finally {
      await reader.close();
    }
  }

  /** What waits stays in Kafka. */
  backlog(): { readonly rows: number; readonly bytes: number } {
    return { rows: 0, bytes: 0 };
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#stop.abort(error);
  }

  async close(): Promise<void> {
    this.fail(new StopError("the channel is closed"));
    await this.#options.driver.close();
    await this.#options.control.close();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
