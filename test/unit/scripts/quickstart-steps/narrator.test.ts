import { expect, test } from "vitest";
import { commandLines, Narrator } from "../../../../scripts/quickstart-steps/narrator.ts";
import { textWidth } from "../../../../src/util/text-width.ts";

function narrated(tell: (narrator: Narrator) => void): string {
  let text = "";
  let nowMs = 500;
  const narrator = new Narrator({
    write: (chunk) => (text += chunk),
    nowMs: () => (nowMs += 1000),
    steps: 3,
  });
  tell(narrator);
  return text;
}

test("steps are counted and show when they began", () => {
  const text = narrated((narrator) => {
    narrator.step("A server");
    narrator.say("It is up.");
    narrator.restartClock();
    narrator.step("A shop");
    narrator.show("CREATE DATABASE shop;\n  USE shop;");
  });
  expect(text).toBe(
    [
      "",
      `[1/3] A server${" ".repeat(81)}1.0 s`,
      "  It is up.",
      "",
      `[2/3] A shop${" ".repeat(83)}1.0 s`,
      "    CREATE DATABASE shop;",
      "      USE shop;",
      "",
    ].join("\n"),
  );
});

test("what a command prints keeps its shape, and goes on further in where it is too long", () => {
  const text = narrated((narrator) => {
    const output = narrator.output();
    for (const line of ["", "  fix  a", `  long ${"word ".repeat(22)}end`, "x".repeat(90)]) {
      output.line(line);
    }
  });
  expect(text).toBe(
    [
      "  |",
      "  |   fix  a",
      `  |   long ${"word ".repeat(16)}word`,
      "  |       word word word word word end",
      `  | ${"x".repeat(90)}`,
      "",
    ].join("\n"),
  );
  expect(Math.max(...text.split("\n").map(textWidth))).toBeLessThanOrEqual(100);
});

test("of many lines the first are shown, warnings always, and the others counted", () => {
  const text = narrated((narrator) => {
    const output = narrator.output(2);
    for (const line of ["one", "two", "three", "12:00 WARN  four", "five"]) output.line(line);
    output.end();
    output.end();
    narrator.output(1).end();
  });
  expect(text).toBe("  | one\n  | two\n  | 12:00 WARN  four\n  | (and 2 more lines)\n");
});

test("commands are quoted for a shell, and broken before an argument", () => {
  expect(commandLines(["kill", "-9", "17"], 80)).toEqual(["$ kill -9 17"]);
  expect(commandLines(["run", "it's", "${env:X}", "shop.*", ""], 80)).toEqual([
    "$ run 'it'\\''s' '${env:X}' 'shop.*' ''",
  ]);
  expect(commandLines(["run", "first", "second", "third"], 19)).toEqual([
    "$ run first \\",
    "    second third",
  ]);
  expect(commandLines(["query", "SELECT a, b FROM t"], 16)).toEqual([
    "$ query \\",
    "    'SELECT a, b",
    "    FROM t'",
  ]);
});

test("behind the last sentence nothing is printed any more", () => {
  const text = narrated((narrator) => {
    narrator.sayLast("SIGINT: ending what was started");
    narrator.output().line("still talking");
    narrator.step("Another step");
  });
  expect(text).toBe("  SIGINT: ending what was started\n");
});
