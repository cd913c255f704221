import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { untilDecided } from "../../../../src/channel/kafka/decided.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;

test("F189: what is open in front of a new writer is waited for", async () => {
  const answers = [
    { stable: 36, end: 37 },
    { stable: 36, end: 37 },
    { stable: 38, end: 38 },
  ];
  let looks = 0;
  const decided = untilDecided("p", async () => answers[looks++] ?? { stable: 0, end: 1 }, never);
  await vi.advanceTimersByTimeAsync(1000);
  await decided;
  expect(looks).toBe(3);
});

test("F189: what stays open is told with its place and what ends it, and is tried again", async () => {
  const decided = expect(
    untilDecided("p", async () => ({ stable: 36, end: 37 }), never),
  ).rejects.toMatchObject({
    code: "KAFKA_UNREACHABLE",
    retryable: true,
    message: "p has a transaction from offset 36 on that is neither committed nor aborted",
    hint: expect.stringContaining("`tallylake status` prints the commands") as string,
  });
  await vi.advanceTimersByTimeAsync(60_000);
  await decided;
});
