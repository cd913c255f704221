import { expect, test } from "vitest";
import { lastWords } from "../../../../scripts/kafka/last-words.ts";

test("stack frames and empty lines are left out, and of the rest the end is kept", () => {
  const lines = [
    "1",
    "2",
    "3",
    "4",
    "Exception: no",
    "\tat a.B(C.java:1)",
    "",
    "Caused by: why",
    "\t... 3 more",
    "5",
  ];
  expect(lastWords(lines.join("\n"))).toBe("2 | 3 | 4 | Exception: no | Caused by: why | 5");
  expect(lastWords("\n\n")).toBe("");
});
