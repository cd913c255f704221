import { expect, test } from "vitest";
import { RateMeter } from "../../../src/util/rate-meter.ts";

test("measures over the window only, and nothing before there are two moments", () => {
  const meter = new RateMeter(10_000);
  expect(meter.perSecond()).toBeNull();
  meter.add(0, 5_000_000);
  expect(meter.perSecond()).toBeNull();
  meter.add(0, 5_000_000);
  expect(meter.perSecond()).toBeNull();
  meter.add(1000, 5_001_000);
  expect(meter.perSecond()).toBe(1000);
  meter.add(5000, 5_001_000);
  expect(meter.perSecond()).toBe(200);
  // The sample at 5 s is now the oldest that covers the window.
  meter.add(15_000, 5_011_000);
  expect(meter.perSecond()).toBe(1000);
});
