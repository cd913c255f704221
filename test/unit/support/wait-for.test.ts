import { expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";

test("the first answer that is one is returned, 0 and the empty text too", async () => {
  const answers = [null, undefined, false, 0, 1];
  expect(await waitFor("a number", () => answers.shift(), { intervalMs: 1 })).toBe(0);
  expect(await waitFor("a text", async () => "")).toBe("");
});

test("time over", async () => {
  const wait = waitFor("rain", () => false, { timeoutMs: 5, intervalMs: 1 });
  await expect(wait).rejects.toThrow("waited 0.005 s for rain; the last answer was false");
});

test("an error of the condition ends the wait", async () => {
  const wait = waitFor("rain", () => Promise.reject(new Error("no sky")));
  await expect(wait).rejects.toThrow("no sky");
});
