/**
 * The clocks of brokers. Topics keep the time at which a broker stored a record, so that nobody's clock but the
 * broker's says when a record is old enough to be removed. One that is ahead or behind lets records stay for too long,
 * or removes what was not applied; and whoever reads the time of a record is misled.
 *
 * The order of changes does not depend on any clock.
 */
import { syncError } from "../../types/errors.ts";
import type { Problem } from "../../types/ports.ts";
import { SyncError } from "../../util/errors.ts";
import { formatDuration } from "../../util/units.ts";
import type { KafkaControl } from "../kafkajs/control.ts";
import type { TopicPartition } from "./record-block.ts";

/**
 * Machines that keep their time are within milliseconds of each other, and a record that has to be sent again takes up
 * to minutes. Five are what Kerberos allows, and many a signed request: beyond, it is a clock that nobody keeps.
 */
export const CLOCK_MS_MAX = 5 * 60_000;

/** Of a clock that goes wrong while capture runs it is told after this time at the latest. */
const LOOK_MS = 60_000;
/** Offsets at the end of the position topic among which there is a record: each takes some three. */
const TAIL_OFFSETS = 64;

/** The same moment by two clocks, milliseconds since 1970. */
export interface TwoTimes {
  readonly brokerMs: number;
  readonly oursMs: number;
}

/** What is wrong with the clock of the broker that stored a record there; null when it is right. */
export function clockProblem(
  { topic, partition }: TopicPartition,
  { brokerMs, oursMs }: TwoTimes,
): Problem | null {
  const ahead = brokerMs - oursMs;
  if (Math.abs(ahead) <= CLOCK_MS_MAX) return null;
  const off = `${formatDuration(Math.abs(ahead))} ${ahead > 0 ? "ahead" : "behind"}`;
  return {
    code: "KAFKA_CLOCK",
    table: null,
    message: `the clock of the broker that leads ${topic}/${partition} is ${off}: it stored a record at ${timeText(brokerMs)}, and here it was ${timeText(oursMs)}`,
    hint: "set the clocks of the brokers and of this machine right, as by NTP, and start `capture` again: brokers remove records by their own clocks",
    severity: "error",
  };
}

/**
 * What a record that is there already says, which has both times in it: those of its writer and of its broker. Of an
 * old one it is not known whether the clock has been set since, so it is a warning until capture writes another.
 */
export function storedClockProblem(target: TopicPartition, times: TwoTimes, nowMs: number): Problem | null {
  const problem = clockProblem(target, times);
  if (problem === null || Math.abs(nowMs - times.oursMs) <= CLOCK_MS_MAX) return problem;
  return { ...problem, severity: "warning" };
}

const timeText = (ms: number): string => new Date(ms).toISOString();

/** What the newest record of the position topic says; nothing of a topic that is not there. */
export async function positionClockProblems(
  control: KafkaControl,
  topic: string,
  nowMs: number,
): Promise<readonly Problem[]> {
  if (!(await control.topics([topic])).has(topic)) return [];
  const target = { topic, partition: 0 };
  const [offsets] = await control.offsets(topic);
  const from = Math.max(offsets?.start ?? 0, (offsets?.end ?? 0) - TAIL_OFFSETS);
  const newest = await control.newestTimes(target, from);
  if (newest === null) return [];
  const problem = storedClockProblem(target, newest, nowMs);
  return problem === null ? [] : [problem];
}

export interface ClockWatchOptions {
  readonly control: Pick<KafkaControl, "leader" | "newestTimes">;
  readonly onWarning: (problem: Problem) => void;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * Looks at the clocks of the brokers that have just stored something of ours. When capture begins a wrong one stops it.
 * Later it is a warning, once for each broker: what is there is kept for as long as it is, whether capture goes on or not.
 */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #isBegun = false;
  #nextMs = -Infinity;
  readonly #wrong = new Set<number>();

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  /**
   * Each place holds a record that was stored just now. Most of the time nothing is asked.
   * @throws SyncError KAFKA_CLOCK
   */
  async look(places: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    const { now } = this.#options;
    if (now() < this.#nextMs) return;
    this.#nextMs = now() + LOOK_MS;
    const found = new Map<number, Problem | null>();
    for (const place of places) {
      try {
        await this.#lookAt(place, found);
      } catch (error) {
        // Whoever cannot be asked now is asked the next time: it is no reason to give up what is being written, nor to
        // keep its transaction open for much longer.
        if (!(error instanceof SyncError)) throw error;
        if (error.retryable) break;
      }
    }
    for (const [broker, problem] of found) this.#judge(broker, problem);
    this.#isBegun ||= found.size > 0;
  }

  async #lookAt(
    place: TopicPartition & { readonly offset: number },
    found: Map<number, Problem | null>,
  ): Promise<void> {
    const { control, nowMs } = this.#options;
    const leader = await control.leader(place);
    if (found.has(leader)) return;
    const times = await control.newestTimes(place, place.offset);
    if (times === null) return;
    found.set(leader, clockProblem(place, { brokerMs: times.brokerMs, oursMs: nowMs() }));
  }

  #judge(broker: number, problem: Problem | null): void {
    if (problem === null) {
      this.#wrong.delete(broker);
      return;
    }
    const { message, hint } = problem;
    if (!this.#isBegun) throw syncError("KAFKA_CLOCK", message, { hint });
    if (!this.#wrong.has(broker)) this.#options.onWarning({ ...problem, severity: "warning" });
    this.#wrong.add(broker);
  }
}
