/**
 * Which of the known hard cases have a test, and which are refused: `npm run -s cases`. A test covers a case by naming
 * its number. Exit code 1 when one has neither, in a section that is said to be complete, or when no test expects the
 * code that refuses one.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { BINLOG_CASES } from "./cases/binlog.ts";
import type { Case, CaseSection } from "./cases/case.ts";
import { KAFKA_CASES } from "./cases/kafka.ts";
import { KEY_CASES } from "./cases/keys.ts";
import { SCHEMA_CHANGE_CASES } from "./cases/schema-changes.ts";
import { SNAPSHOT_CASES } from "./cases/snapshot.ts";
import { TYPE_CASES } from "./cases/types.ts";

const SECTIONS: readonly CaseSection[] = [
  BINLOG_CASES,
  TYPE_CASES,
  KEY_CASES,
  SCHEMA_CHANGE_CASES,
  SNAPSHOT_CASES,
  KAFKA_CASES,
];

const root = new URL("..", import.meta.url);

const testFiles: ReadonlyMap<string, string> = new Map(
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "test"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [file, readFileSync(new URL(file, root), "utf8")]),
);

/** Names of tests by the numbers in them. */
function namedCases(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [file, text] of testFiles) {
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

const named = namedCases();
const tests = ({ id }: Case): readonly string[] => named.get(id) ?? [];
const isExpected = (code: string): boolean =>
  [...testFiles.values()].some((text) => text.includes(`"${code}`));

function line(one: Case): string {
  const head = `${one.id.padEnd(5)} ${one.title}`;
  const names = tests(one);
  if (names.length > 0) return [head, ...names.map((test) => `        ${test}`)].join("\n");
  const { refusal, code } = one;
  if (refusal === undefined) return `${head}\n        MISSING`;
  return `${head}\n        refused: ${refusal}${code === undefined ? "" : ` (${code})`}`;
}

const write = (text: string): void => void process.stdout.write(`${text}\n`);

/** Prints a section, and gives whether it is as it says. */
function show({ title, cases, isComplete }: CaseSection): boolean {
  write(`\n${title}\n`);
  for (const one of cases) write(line(one));
  const open = cases.filter((one) => tests(one).length === 0);
  const missing = open.filter(({ refusal }) => refusal === undefined);
  const unproved = open.filter(({ code }) => code !== undefined && !isExpected(code));
  const sums = [
    `${cases.length - open.length} with tests`,
    `${open.length - missing.length} refused`,
    `${missing.length} missing`,
  ];
  const ids = missing.map(({ id }) => id).join(" ");
  write(`\n${title}: ${sums.join(", ")}${missing.length === 0 ? "" : `: ${ids}`}`);
  for (const { id, code } of unproved) write(`${id}: no test expects ${code ?? ""}`);
  return unproved.length === 0 && (missing.length === 0 || !isComplete);
}

process.exitCode = SECTIONS.map(show).every(Boolean) ? 0 : 1;
