import { expect, test } from "vitest";
import { greetingVersion } from "../../../../scripts/mysql/greeting.ts";

test("the version stands in the first packet", () => {
  const packet = Buffer.from("4b0000000a392e372e342d32000f0000001b63", "hex");
  expect(greetingVersion(packet)).toBe("9.7.4-2");
});

test("a server that refuses is quoted", () => {
  const packet = Buffer.concat([Buffer.from("1b000000ff1004", "hex"), Buffer.from("Too many connections")]);
  expect(() => greetingVersion(packet)).toThrow(
    "the server answers, but not with a MySQL greeting: Too many connections",
  );
});

test("an answer in another protocol is shown as bytes", () => {
  expect(() => greetingVersion(Buffer.from("HTTP/1.1 400"))).toThrow(
    "the server answers, but not with a MySQL greeting: 485454502f312e3120343030",
  );
});
