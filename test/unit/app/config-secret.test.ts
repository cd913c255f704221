import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { printConfig } from "../../../src/app/config-print.ts";
import type { Config } from "../../../src/app/config.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { configProblems, errorOf, parseConfigText } from "../../support/config-text.ts";
import { tempDir } from "../../support/temp-dir.ts";

const CANARY = "c4nary-s3cret";

describe("secrets", () => {
  const withSource = (source: string): string => `source: ${source}\ntables: [a.b]\nlake: l\n`;
  const reveal = (source: string, env: Record<string, string> = {}): string =>
    parseConfigText(withSource(source), { env, file: "/c/t.yaml" }).source.password.reveal();

  test("come from the environment, wherever the reference stands", () => {
    const env = { PW: "p@ss:w/rd#?", URL: "mysql://u:p%40x@h:1/", EMPTY: "" };
    expect(reveal("{url: 'mysql://u@h', password: '${env:PW}'}", env)).toBe("p@ss:w/rd#?");
    expect(reveal("'mysql://u:${env:PW}@h'", env)).toBe("p@ss:w/rd#?");
    expect(reveal("'${env:URL}'", env)).toBe("p@x");
    expect(reveal("{url: 'mysql://u@h', password: '${env:EMPTY}'}", env)).toBe("");
    expect(
      parseConfigText(withSource("'mysql://${env:PW}@${env:EMPTY}x'").replace("${env:EMPTY}x", "h"), { env })
        .source.user,
    ).toBe("p@ss:w/rd#?");
  });

  test("come from files beside the config, without the newline at the end", async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, "pw"), `${CANARY}\n`);
    await writeFile(join(dir.path, "two"), "a\n\r\n");
    const file = join(dir.path, "c.yaml");
    const config = (name: string): Config =>
      parseConfigText(withSource(`{url: 'mysql://u@h', password: '\${file:${name}}'}`), { file });
    expect(config("pw").source.password.reveal()).toBe(CANARY);
    expect(config("two").source.password.reveal()).toBe("a\n");
    expect(config(join(dir.path, "pw")).source.password.reveal()).toBe(CANARY);
  });

  test("that are missing are listed together, by their own code when nothing else is wrong", () => {
    const text = `source: {url: 'mysql://u@h', password: '\${env:PW}'}
tables: [a.b]
lake: l
trace: {url: http://x, password: '\${file:no/such}'}
`;
    expect(configProblems(text)).toEqual([
      "1:40: `source.password`: the environment variable PW of `${env:PW}` is not set",
      "4:34: `trace.password`: the file of `${file:no/such}` cannot be read (ENOENT)",
    ]);
    expect(errorOf(() => parseConfigText(text))).toMatchObject({
      code: "SECRET_MISSING",
      exitCode: 64,
      retryable: false,
    });
    expect(configProblems(`${text}wrong: 1\n`)).toHaveLength(3);
    expect(errorOf(() => parseConfigText(`${text}wrong: 1\n`))).toMatchObject({ code: "CONFIG_INVALID" });
  });

  test.each([
    [
      "'mysql://u:pw@h'",
      "a password must not stand in the config; write `${env:MYSQL_PASSWORD}` or `${file:mysql.password}` in its place",
    ],
    [
      "'mysql://u:x${env:PW}@h'",
      "a password must not stand in the config; write `${env:MYSQL_PASSWORD}` or `${file:mysql.password}` in its place",
    ],
    ["'mysql://u@h:99999'", "the port of the URL must be 1 to 65535"],
    ["'mysql://u@h:x'", "the port of the URL must be 1 to 65535"],
    ["'mysql://h:3306'", "the URL names no user; write it as `mysql://user@host:port`"],
    ["'mysql://u@:3306'", "the URL names no host; write it as `mysql://user@host:port`"],
    [
      "'mysql://u@h/?ssl=1'",
      "the URL must end behind the port; everything else has its own key in the config",
    ],
    ["'postgres://u@h'", "the URL must begin with `mysql://`, not with `postgres://`"],
    ["db:3306", "the URL must have the form `mysql://user@host:port`"],
    ["'mysql://%zz@h'", "the user of the URL holds a % that is no escape; write it as %25"],
    ["'${env:BAD}'", "what `${env:BAD}` holds: the URL must have the form `mysql://user@host:port`"],
    ["'${MYSQL}'", "the URL must have the form `mysql://user@host:port`"],
  ])("URL %s", (source, message) => {
    const [first] = configProblems(withSource(source), { env: { BAD: CANARY, PW: CANARY } });
    if (source === "'${MYSQL}'") {
      expect(first).toBe(
        "1:9: `source`: `${MYSQL}` must be `${env:NAME}` or `${file:path}`; did you mean `${env:MYSQL}`?",
      );
    } else {
      expect(first).toBe(`1:9: \`source\`: ${message}`);
    }
  });

  test("that are no text are not shown either", () => {
    expect(configProblems("source: {url: 424242, password: 424242}\ntables: [a.b]\nlake: l\n")).toEqual([
      "1:15: `source.url` must be text, such as `mysql://user@host:port`, is a number",
      "1:33: `source.password` must be text, such as `${env:MYSQL_PASSWORD}`, is a number",
    ]);
  });

  test("two passwords are one too many, also when one is hidden in a reference", () => {
    const text = withSource("{url: '${env:URL}', password: '${env:PW}'}");
    expect(configProblems(text, { env: { URL: `mysql://u:${CANARY}@h`, PW: CANARY } })).toEqual([
      "1:39: `source.password` is given, and the URL has a password too; leave one of them out",
    ]);
  });

  test("never show in a config, however it is printed", () => {
    const config = parseConfigText(
      `source: {url: 'mysql://u@h', password: '\${env:PW}', tls: {cert: ${import.meta.filename}, key: ${import.meta.filename}}}
tables: [a.b]
lake: l
trace: {url: http://x, password: '\${env:PW}'}
`,
      { env: { PW: CANARY } },
    );
    // This very file is the TLS key, and it names the canary.
    expect(config.source.tls.key?.reveal()).toContain(CANARY);
    const printed = [
      printConfig(config),
      JSON.stringify({ ...config, source: { ...config.source, tls: { ...config.source.tls, cert: null } } }),
      String(config.source.password),
    ];
    for (const text of printed) expect(text).not.toContain(CANARY);
    expect(inspect(config.source.password)).toBe("***");
    expect(inspect(config.trace)).not.toContain(CANARY);
  });

  test("never show in an error, wherever in the file the secret got to", () => {
    const text = `source:
  url: mysql://repl@db:3306
  password: \${env:PW}
tables: [shop.*, crm.customer]
lake: ./lake
commit: {every: 30s, rows: 100}
trace: {url: "http://x", user: me, password: "\${env:PW}"}
`;
    const secretLike = fc.constantFrom(
      CANARY,
      `*${CANARY}`,
      `!${CANARY} x`,
      `"${CANARY}`,
      `\\${CANARY}`,
      `{${CANARY}`,
      `${CANARY}: `,
    );
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(4), secretLike, (at, cut, piece) => {
        // In a path, a pattern or a name a secret is not expected, and those are shown.
        const line = text.slice(0, at).split("\n").length;
        fc.pre(![4, 5, 6].includes(line));
        const broken = text.slice(0, at) + piece + text.slice(at + cut);
        let error: unknown = null;
        try {
          parseConfigText(broken, { env: { PW: CANARY } });
        } catch (thrown) {
          error = thrown;
        }
        if (error === null) return;
        expect(error).toBeInstanceOf(SyncError);
        const shown = `${(error as SyncError).message} ${(error as SyncError).hint}`;
        // The name of a key is shown; so is the name of a variable or a file.
        const named = shown.replaceAll(/unknown key `[^`]*`|\$\{[^}]*\}|variable \S+/g, "");
        expect(named).not.toContain(CANARY);
      }),
      { numRuns: 80 },
    );
  });
});
