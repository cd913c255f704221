import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/app/config-error.ts";
import { renderError, type ErrorViewOptions } from "../../../src/app/error-view.ts";
import { syncError } from "../../../src/types/errors.ts";
import { InvariantError } from "../../../src/util/assert.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { Secret } from "../../../src/util/secret.ts";

const CANARY = 'c4nary"s3cret\n';
const OPTIONS: ErrorViewOptions = {
  format: "text",
  causes: false,
  paint: plainPaint,
  nowMs: Date.UTC(2026, 10, 21),
  secrets: [],
  version: "1.2.3",
};

const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", password: CANARY });
const unreachable = syncError("SOURCE_UNREACHABLE", "db:3306 does not answer", {
  hint: "start the server, or correct `source.url`",
  cause: refused,
});

describe("an operating error", () => {
  test("is one line with what and where, and one with the remedy", () => {
    expect(renderError(unreachable, OPTIONS)).toEqual({
      text: "tallylake: db:3306 does not answer (SOURCE_UNREACHABLE)\n  remedy: start the server, or correct `source.url`\n",
      exitCode: 75,
    });
  });

  test("stays one line whatever a name holds", () => {
    const error = syncError("TABLE_ABSENT", "a\nb\u001b[2J", { hint: "c\nd" });
    expect(renderError(error, OPTIONS)).toEqual({
      text: "tallylake: a\\u000ab\\u001b[2J (TABLE_ABSENT)\n  remedy: c\\u000ad\n",
      exitCode: 1,
    });
  });

  test("is one JSON object when the log is JSON", () => {
    const { text } = renderError(unreachable, { ...OPTIONS, format: "json" });
    expect(text.endsWith("\n")).toBe(true);
    expect(JSON.parse(text)).toEqual({
      time: "2026-11-21T00:00:00.000Z",
      level: "error",
      message: "db:3306 does not answer",
      code: "SOURCE_UNREACHABLE",
      hint: "start the server, or correct `source.url`",
      exitCode: 75,
      retryable: true,
    });
  });

  test("shows its causes when asked, by name, message and code, and nothing else of them", () => {
    const { text } = renderError(unreachable, { ...OPTIONS, causes: true });
    const lines = text.split("\n");
    expect(lines[1]).toBe("  cause: Error: connect ECONNREFUSED (ECONNREFUSED)");
    expect(lines[2]).toMatch(/^ {4}at .*error-view\.test\.ts/);
    expect(text).not.toContain("c4nary");
    const grouped = syncError("SOURCE_UNREACHABLE", "m", {
      hint: "h",
      cause: new AggregateError([refused, "x"], "all"),
    });
    expect(renderError(grouped, { ...OPTIONS, causes: true }).text).toContain(
      "\n  cause: connect ECONNREFUSED\n  cause: x\n",
    );
  });
});

test("the problems of a config keep their lines, and are a list in JSON", () => {
  const one = { code: "CONFIG_INVALID", line: 2, column: 3, message: "x" } as const;
  const single = new ConfigError("c.yaml", [one]);
  expect(renderError(single, OPTIONS).text).toBe(
    "tallylake: c.yaml:2:3: x (CONFIG_INVALID)\n  remedy: correct the file; tallylake.schema.json in the package describes every key, also to editors\n",
  );
  const both = new ConfigError("c.yaml", [one, { ...one, line: 1, code: "SECRET_MISSING", message: "y\nz" }]);
  expect(renderError(both, OPTIONS).text).toBe(
    `tallylake: 2 problems in the config
  c.yaml:1:3: y\\u000az
  c.yaml:2:3: x
  remedy: correct the file; tallylake.schema.json in the package describes every key, also to editors
`,
  );
  expect(JSON.parse(renderError(both, { ...OPTIONS, format: "json" }).text)).toMatchObject({
    code: "CONFIG_INVALID",
    problems: [
      { code: "SECRET_MISSING", line: 1, column: 3, message: "y\nz" },
      { code: "CONFIG_INVALID", line: 2, column: 3, message: "x" },
    ],
  });
});

describe("a defect", () => {
  test.each([
    [new InvariantError("seq went back"), "internal error: InvariantError: seq went back"],
    [new TypeError("x is not a function"), "internal error: TypeError: x is not a function"],
    ["a text", "internal error: string: a text"],
    [undefined, "internal error: undefined: undefined"],
  ])("%s ends with 70 and a request to report it", (error, message) => {
    const { text, exitCode } = renderError(error, OPTIONS);
    const lines = text.split("\n");
    expect(exitCode).toBe(70);
    expect(lines[0]).toBe(`tallylake: ${message} (INTERNAL)`);
    expect(lines.at(-2)).toBe(
      "  remedy: this is a defect of tallylake 1.2.3; please report it with the lines above",
    );
    if (error instanceof Error) expect(lines[1]).toMatch(/^ {4}at .*error-view\.test\.ts/);
  });
});

describe("secrets", () => {
  const cause = new Error(`Access denied using ${CANARY}`, {
    cause: new Error(`mysql://u:pw%40x@h and ${CANARY}`),
  });
  const errors = [
    syncError("SOURCE_ACCESS_DENIED", `m ${CANARY}`, { hint: `h ${CANARY}`, cause }),
    new InvariantError(`m ${CANARY}`, { cause }),
    new ConfigError("c", [{ code: "CONFIG_INVALID", line: 1, column: 1, message: CANARY }]),
  ];
  test.each(errors)("are masked wherever they got to: %#", (error) => {
    for (const format of ["text", "json"] as const) {
      const options = { ...OPTIONS, format, causes: true, secrets: [new Secret(CANARY), new Secret("")] };
      const { text } = renderError(error, options);
      expect(text).not.toMatch(/c4nary|s3cret|pw%40x/);
      expect(text).toContain("***");
    }
  });
});
