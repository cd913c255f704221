import { expect, test } from "vitest";
import { parseSoakArguments } from "../../../../scripts/soak/arguments.ts";

const parse = (...argv: readonly string[]) => parseSoakArguments(argv, 1_780_000_077_500);

test("an hour of all parts, with a seed from the clock, is what nobody asks for", () => {
  expect(parse()).toEqual({ minutes: 60, seed: 77, parts: ["crash", "snapshot", "values", "ddl", "fuzz"] });
});

test("minutes, seed and part are taken as they are given", () => {
  expect(parse("--minutes", "0.5", "--seed", "12", "--only", "values")).toEqual({
    minutes: 0.5,
    seed: 12,
    parts: ["values"],
  });
  expect(parse("--minutes=8", "--seed=0")).toMatchObject({ minutes: 8, seed: 0 });
});

test("Kafka is a part only for those who ask for it", () => {
  expect(parse("--kafka")).toMatchObject({ parts: ["crash", "snapshot", "values", "ddl", "fuzz", "kafka"] });
  expect(parse("--only", "kafka")).toMatchObject({ parts: ["kafka"] });
});

test("help is asked for in two ways", () => {
  expect(parse("--help")).toBeNull();
  expect(parse("-h", "--minutes", "no")).toBeNull();
});

test.for([
  ["--minutes", "0", "--minutes must be a number above 0, not 0"],
  ["--minutes", "ten", "--minutes must be a number above 0, not ten"],
  ["--minutes", "Infinity", "--minutes must be a number above 0, not Infinity"],
  ["--seed", "1.5", "--seed must be a whole number below 1000000000, not 1.5"],
  ["--seed", "1000000000", "--seed must be a whole number below 1000000000, not 1000000000"],
  ["--only", "chaos", "--only must be crash, snapshot, values, ddl, fuzz, kafka, not chaos"],
] as const)("%s %s is refused", ([name, value, message]) => {
  expect(() => parse(name, value)).toThrow(new TypeError(message));
});

test("what is no option is refused", () => {
  expect(() => parse("--fast")).toThrow(TypeError);
  expect(() => parse("crash")).toThrow(TypeError);
});
