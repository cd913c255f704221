import { expect, test } from "vitest";
import {
  CLOCK_MS_MAX,
  clockProblem,
  ClockWatch,
  storedClockProblem,
  type TwoTimes,
} from "../../../../src/channel/kafka/broker-clock.ts";
import { syncError, type ErrorCode } from "../../../../src/types/errors.ts";

const T = { topic: "t", partition: 1 };
const NOON = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;
const at = (brokerMs: number, oursMs = NOON): TwoTimes => ({ brokerMs, oursMs });

test("F201: five minutes are let pass, either way, and beyond both times are named", () => {
  for (const off of [0, CLOCK_MS_MAX, -CLOCK_MS_MAX]) expect(clockProblem(T, at(NOON + off))).toBe(null);
  expect(clockProblem(T, at(NOON + CLOCK_MS_MAX + 1))).toMatchObject({
    code: "KAFKA_CLOCK",
    severity: "error",
    message:
      "the clock of the broker that leads t/1 is 5m00s ahead: it stored a record at 2026-11-21T12:05:00.001Z, and here it was 2026-11-21T12:00:00.000Z",
  });
  expect(clockProblem(T, at(NOON - 90 * MINUTE))?.message).toContain("t/1 is 1h30m behind: it stored");
});

test("F201: what an old record says is a warning, since the clock may have been set", () => {
  const wrong = at(NOON + 10 * MINUTE);
  expect(storedClockProblem(T, wrong, NOON + MINUTE)?.severity).toBe("error");
  expect(storedClockProblem(T, wrong, NOON + 6 * MINUTE)?.severity).toBe("warning");
  expect(storedClockProblem(T, wrong, NOON - 6 * MINUTE)?.severity).toBe("warning");
  expect(storedClockProblem(T, at(NOON), NOON + 600 * MINUTE)).toBe(null);
});

/** Two brokers, each with a clock of its own that is so far ahead; the partitions are theirs by turns. */
class Brokers {
  readonly ahead: (number | ErrorCode | null)[] = [0, 0];
  readonly warnings: string[] = [];
  asked: number[] = [];
  monotonicMs = 0;

  readonly watch = new ClockWatch({
    control: {
      leader: async ({ partition }) => partition % 2,
      newestTimes: async ({ partition }, from) => {
        expect(from).toBe(7);
        this.asked.push(partition);
        const ahead = this.ahead[partition % 2] ?? null;
        if (typeof ahead === "string") throw syncError(ahead, "not now", { hint: "none" });
        return ahead === null ? null : at(NOON + ahead, 0);
      },
    },
    nowMs: () => NOON,
    now: () => this.monotonicMs,
    onWarning: ({ message, severity }) => this.warnings.push(`${severity}: ${message}`),
  });

  async look(...partitions: readonly number[]): Promise<void> {
    await this.watch.look(partitions.map((partition) => ({ topic: "t", partition, offset: 7 })));
    this.monotonicMs += MINUTE;
  }
}

test("F201: a wrong clock stops the beginning, whichever broker it is of", async () => {
  for (const wrong of [0, 1]) {
    const brokers = new Brokers();
    brokers.ahead[wrong] = -6 * MINUTE;
    await expect(brokers.look(0, 1)).rejects.toMatchObject({ code: "KAFKA_CLOCK", retryable: false });
  }
});

test("F201: one that goes wrong later is told once, and again when it was right in between", async () => {
  const brokers = new Brokers();
  await brokers.look(0);
  brokers.ahead[1] = 6 * MINUTE;
  await brokers.look(0, 1);
  await brokers.look(1);
  expect(brokers.warnings).toEqual([expect.stringMatching(/^warning: the clock .* t\/1 is 6m00s ahead/)]);
  brokers.ahead[1] = 0;
  await brokers.look(1);
  brokers.ahead[1] = 6 * MINUTE;
  await brokers.look(1);
  expect(brokers.warnings).toHaveLength(2);
});

test("each broker is asked once, and none of them again within a minute", async () => {
  const brokers = new Brokers();
  await brokers.look(4, 2, 0, 1, 3);
  expect(brokers.asked.splice(0)).toEqual([4, 1]);
  brokers.monotonicMs -= 1;
  await brokers.watch.look([{ ...T, offset: 7 }]);
  expect(brokers.asked).toEqual([]);
});

test("F201: brokers that cannot be asked, or do not keep their time, are no beginning", async () => {
  const brokers = new Brokers();
  brokers.ahead[0] = "KAFKA_UNREACHABLE";
  brokers.ahead[1] = 6 * MINUTE;
  // What is away would only keep the transaction open.
  await brokers.look(0, 2, 1);
  expect(brokers.asked.splice(0)).toEqual([0]);
  brokers.ahead[0] = null;
  brokers.ahead[1] = "KAFKA_ACL_MISSING";
  await brokers.look(0, 1, 0);
  expect(brokers.asked.splice(0)).toEqual([0, 1, 0]);
  brokers.ahead[0] = 6 * MINUTE;
  await expect(brokers.look(1, 0)).rejects.toMatchObject({ code: "KAFKA_CLOCK" });
});
