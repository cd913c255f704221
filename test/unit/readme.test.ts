import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { HELP } from "../../src/app/cli-help.ts";
import { parseCommandLine } from "../../src/app/cli.ts";
import { parseConfig, type Config } from "../../src/app/config.ts";
import { configJsonSchema } from "../../src/app/config-schema.ts";
import { EQUATIONS } from "../../src/trace/equation.ts";
import { ERROR_CODES, EXIT, type ErrorCode } from "../../src/types/errors.ts";
import { must } from "../../src/util/assert.ts";

const readme = readFileSync("README.md", "utf8");

const blocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text ?? "");

/** First cells of the table whose header begins with this one. */
function firstCells(header: string): readonly string[] {
  const table = must(
    readme.split("\n\n").find((part) => part.startsWith(`| ${header} |`)),
    header,
  );
  return rowsOf(table).map(([first]) => first ?? "");
}

const rowsOf = (table: string): readonly string[][] =>
  table
    .split("\n")
    .slice(2)
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

const read = (text: string): Config =>
  parseConfig(text, {
    file: "tallylake.yaml",
    env: { MYSQL_PASSWORD: "p", KAFKA_PASSWORD: "p" },
    hostname: "here",
  });

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
}

/** Keys of the schema, nested ones behind dots; of several forms of a value the map counts. */
function keysOf(schema: JsonSchema, path: string): readonly string[] {
  const { properties } =
    schema.properties === undefined ? (schema.anyOf?.find((one) => one.properties) ?? schema) : schema;
  return Object.entries(properties ?? {}).flatMap(([name, one]) => [
    path + name,
    ...keysOf(one, `${path}${name}.`),
  ]);
}

test("its configs are ones that the program takes", () => {
  const [minimal = "", full = "", ...rest] = blocks("yaml");
  expect(rest).toEqual([]);
  expect(Object.keys(parse(minimal) as object)).toEqual(["source", "tables", "lake"]);
  const { commit, clean, snapshot, memory, stateDir, trace } = read(minimal);
  // What it calls the defaults are the defaults.
  expect(read(full)).toMatchObject({ commit, clean, snapshot, memory, stateDir, trace });
});

test("its full config shows every key", () => {
  const [, full = ""] = blocks("yaml");
  const shown = JSON.stringify(parse(full)) + full;
  // Other forms of one value, which it names in a comment.
  const inWords = /^(source\.tls|trace)\./;
  const missing = keysOf(configJsonSchema() as JsonSchema, "")
    .filter((key) => !inWords.test(key))
    .filter((key) => !new RegExp(`\\b${key.split(".").at(-1) ?? ""}\\b`).test(shown));
  expect(missing).toEqual([]);
});

test("its commands are those of the program, and its examples are taken", () => {
  expect(firstCells("command").map((cell) => cell.replaceAll("`", ""))).toEqual(
    Object.keys(HELP).filter((name) => name !== "config"),
  );
  const inline = [...readme.matchAll(/`tallylake ([a-z]+[^`…]*)`/g)].map(([, example = ""]) => example);
  const lines = [
    ...blocks("")
      .join("")
      .matchAll(/^tallylake ([^#\n>]*)/gm),
  ].map(([, example = ""]) => example);
  const examples = [...inline, ...lines];
  expect(examples.length).toBeGreaterThan(12);
  for (const example of examples) {
    // A command that is only named has no arguments to look at.
    if (Object.hasOwn(HELP, example)) continue;
    const argv = [...example.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
    const line = parseCommandLine(argv, { version: "1", nowMs: Date.UTC(2026, 10, 21), width: 80 });
    expect([example, line.kind]).toEqual([example, "command"]);
  }
});

test("its error codes and exit codes are those of the program", () => {
  const table = must(
    readme.split("\n\n").find((part) => part.startsWith("| code | exit")),
    "the table",
  );
  const wrong = rowsOf(table).filter(
    ([code, exit]) =>
      !Object.hasOwn(ERROR_CODES, code ?? "") || String(ERROR_CODES[code as ErrorCode].exit) !== exit,
  );
  expect(wrong).toEqual([]);
  expect(firstCells("exit code").slice(0, -1)).toEqual(Object.values(EXIT).map(String));
});

test("its equations are those of the report", () => {
  const shown = firstCells("equation").flatMap((cell) => cell.split(", "));
  expect([...shown].sort()).toEqual([...EQUATIONS].sort());
});

test("its links lead somewhere", () => {
  const slugs = new Set(
    [...readme.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
  const targets = [...readme.matchAll(/\]\(#([^)]*)\)/g)].map(([, slug = ""]) => slug);
  expect(targets.filter((slug) => !slugs.has(slug))).toEqual([]);
  expect(targets.length).toBeGreaterThan(5);
});
