/**
 * Which of the known hard cases have a test, and which are refused: `npm run -s cases`. A test covers a case by naming
 * its number. Exit code 1 when one has neither.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Case } from "./cases/case.ts";
import { KAFKA_CASES } from "./cases/kafka.ts";

const root = new URL("..", import.meta.url);

/** Names of tests by the numbers in them. */
function namedCases(): ReadonlyMap<string, readonly string[]> {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "test"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file.endsWith(".ts"));
  const found = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(new URL(file, root), "utf8");
    // Numbers count in names alone, which are texts; a comment proves nothing.
    for (const [, , name = ""] of text.matchAll(/(["'`])((?:[A-FK]\d+[ :,]+)+[^\n]*?)\1/g)) {
      const numbers = /^(?:[A-FK]\d+[ :,]+)+/.exec(name)?.[0] ?? "";
      for (const [id] of numbers.matchAll(/[A-FK]\d+/g)) {
        found.set(id, [...(found.get(id) ?? []), `${file}: ${name}`]);
      }
    }
  }
  return found;
}

function line({ id, title, refusal }: Case, tests: readonly string[]): string {
  const head = `${id.padEnd(5)} ${title}`;
  if (tests.length > 0) return [head, ...tests.map((test) => `        ${test}`)].join("\n");
  return `${head}\n        ${refusal === undefined ? "MISSING" : `refused: ${refusal}`}`;
}

const named = namedCases();
const tests = ({ id }: Case): readonly string[] => named.get(id) ?? [];
const missing = KAFKA_CASES.filter((one) => tests(one).length === 0 && one.refusal === undefined);
const refused = KAFKA_CASES.filter((one) => tests(one).length === 0 && one.refusal !== undefined);
process.stdout.write(`${KAFKA_CASES.map((one) => line(one, tests(one))).join("\n")}\n`);
process.stdout.write(
  `${KAFKA_CASES.length - missing.length - refused.length} with tests, ${refused.length} refused, ${missing.length} missing${missing.length === 0 ? "" : `: ${missing.map(({ id }) => id).join(", ")}`}\n`,
);
process.exitCode = missing.length === 0 ? 0 : 1;
