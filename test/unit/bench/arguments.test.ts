import { expect, test } from "vitest";
import { BENCHES, parseBenchArguments } from "../../bench/arguments.ts";

test("all benches run when none is named; a name stands for what begins with it", () => {
  const asked = (...argv: string[]): unknown => parseBenchArguments(argv)?.benches;
  expect(asked()).toEqual(BENCHES);
  expect(asked("stream", "decode")).toEqual(["decode", "stream-1M", "stream-100k"]);
  expect(asked("stream-1M")).toEqual(["stream-1M"]);
});

test("help is asked for by name, and mistakes say what they are", () => {
  expect(parseBenchArguments(["--help"])).toBeNull();
  expect(() => parseBenchArguments(["speed"])).toThrow("there is no bench speed");
  expect(() => parseBenchArguments(["--rows", "many"])).toThrow(
    "--rows must be a whole number above 0, not many",
  );
  expect(() => parseBenchArguments(["--fast"])).toThrow("--fast");
});
