import { describe, expect, test } from "vitest";
import { ConfigWatch } from "../../../src/app/config-watch.ts";
import { syncError } from "../../../src/types/errors.ts";
import { Log } from "../../../src/util/log.ts";
import { MINIMAL_CONFIG, parseConfigText } from "../../support/config-text.ts";

const textOf = (routing: string, more = ""): string =>
  `${MINIMAL_CONFIG}channel:\n  kafka:\n    brokers: [k:9092]\n    routing: ${routing}\n${more}`;
const ruleTo = (topic: string): string => `[{tables: [shop.a], topic: ${topic}}]`;

/** A file in memory and a watch over it that began with the text. */
function watched(begun: string) {
  const file = { text: begun as string | null, mtimeMs: 0, reads: 0, isLocked: false };
  const log: string[] = [];
  const applied: string[][] = [];
  let refusal: Error | null = null;
  const fileOr = (): string => {
    if (file.text === null) throw new Error("ENOENT: it is away");
    return file.text;
  };
  const watch = new ConfigWatch({
    file: "tallylake.yaml",
    rules: parseConfigText(begun).channel?.routing ?? [],
    stat: async () => ({ mtimeMs: file.mtimeMs, size: fileOr().length, ino: 1 }),
    readFile: async () => {
      file.reads++;
      if (file.isLocked) throw new Error("EACCES: it may not be read");
      return fileOr();
    },
    rulesOf: (text) => parseConfigText(text).channel?.routing ?? null,
    apply: async (rules) => {
      if (refusal !== null) throw refusal;
      applied.push(rules.map(({ topic }) => topic));
    },
    log: new Log({
      level: "info",
      format: "text",
      write: (line) => void log.push(line.slice(25, -1)),
      now: () => 0,
    }),
  });
  return {
    file,
    log,
    applied,
    refuse: (error: Error | null) => (refusal = error),
    look: () => watch.look(),
    /** Writes the file and looks until it has settled. */
    write: async (text: string | null) => {
      file.text = text;
      file.mtimeMs++;
      await watch.look();
      await watch.look();
    },
  };
}

describe("changed rules", () => {
  test("apply, and are told with their number; a file that stays as it is is not read again", async () => {
    const { look, write, log, applied, file } = watched(textOf("[]"));
    await look();
    await look();
    expect(file.reads).toBe(1);
    await write(textOf(ruleTo("x")));
    await look();
    expect([applied, file.reads]).toEqual([[["x"]], 2]);
    expect(log).toEqual(["INFO  the config has other routing rules file=tallylake.yaml rules=1"]);
  });

  test("that came between the start of the program and that of the watch apply as well", async () => {
    const { look, applied, file } = watched(textOf("[]"));
    file.text = textOf(ruleTo("x"));
    await look();
    expect(applied).toEqual([["x"]]);
  });

  test("are not taken from a file that is being written", async () => {
    const { look, applied, file, log } = watched(textOf(ruleTo("x")));
    await look();
    file.text = textOf("[");
    file.mtimeMs = 1;
    await look();
    file.text = textOf(ruleTo("y"));
    file.mtimeMs = 2;
    await look();
    expect([applied, log, file.reads]).toEqual([[], [], 1]);
    await look();
    expect([applied, log]).toEqual([
      [["y"]],
      ["INFO  the config has other routing rules file=tallylake.yaml rules=1"],
    ]);
  });

  test("a file that is touched, or changed where it means nothing, changes nothing", async () => {
    const { look, write, log, applied } = watched(textOf(ruleTo("x")));
    await look();
    await write(textOf(ruleTo("x")));
    await write(textOf("\n      # the only one\n      - {topic: x, tables: [shop.a]}"));
    expect([applied, log]).toEqual([[], []]);
  });
});

describe("what does not apply", () => {
  test("a config with mistakes, which are all told once; corrected, it applies", async () => {
    const { look, write, log, applied } = watched(textOf("[]"));
    await look();
    await write(textOf("[{tables: [shop], topic: x}, {tables: [shop.a], topic: 'a b'}]"));
    await look();
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(
      /^ERROR the config has mistakes; the routing rules stay as they are code=CONFIG_INVALID/,
    );
    expect(log[0]).toMatch(/7:25: .*no table pattern.*7:\d+: .*must be letters/);
    expect(applied).toEqual([]);
    await write(textOf(ruleTo("x")));
    expect(applied).toEqual([["x"]]);
  });

  test("rules that do not fit the tables, until others are there", async () => {
    const { look, write, log, applied, refuse } = watched(textOf("[]"));
    await look();
    refuse(syncError("KAFKA_ROUTING", "rule 1 …", { hint: "correct it" }));
    await write(textOf(ruleTo("x")));
    await look();
    expect(log).toEqual([
      'ERROR the config has mistakes; the routing rules stay as they are code=KAFKA_ROUTING cause="rule 1 …" remedy="correct it"',
    ]);
    refuse(null);
    await write(textOf(ruleTo("y")));
    expect(applied).toEqual([["y"]]);
  });

  test("anything else in the file, of which is said that it needs a restart", async () => {
    const { look, write, log, applied } = watched(textOf("[]"));
    const begun = textOf("[]");
    await look();
    await write(textOf(ruleTo("x"), "log: {level: debug}\n"));
    expect(applied).toEqual([["x"]]);
    expect(log).toEqual([
      "WARN  a change of anything but channel.kafka.routing takes effect when the program is started again file=tallylake.yaml",
      "INFO  the config has other routing rules file=tallylake.yaml rules=1",
    ]);
    await write(textOf("[]", "log: {level: debug}\n"));
    await write(begun);
    expect(log.filter((line) => line.startsWith("WARN"))).toHaveLength(1);
  });

  test("a file that is away, which is told once until it is back", async () => {
    const { look, write, log, applied } = watched(textOf("[]"));
    await look();
    await write(null);
    await look();
    expect(log).toEqual([
      'WARN  the config cannot be read; the routing rules stay as they are file=tallylake.yaml cause="ENOENT: it is away"',
    ]);
    await write(textOf(ruleTo("x")));
    expect(applied).toEqual([["x"]]);
    await write(null);
    expect(log.filter((line) => line.startsWith("WARN"))).toHaveLength(2);
  });

  test("a file that may not be read, until it may, though nothing else about it changes", async () => {
    const { look, log, applied, file } = watched(textOf("[]"));
    Object.assign(file, { text: textOf(ruleTo("x")), isLocked: true });
    await look();
    await look();
    expect([log.length, applied]).toEqual([1, []]);
    file.isLocked = false;
    await look();
    expect(applied).toEqual([["x"]]);
  });

  test("a defect is not taken for a mistake of the config", async () => {
    const { look, refuse, file } = watched(textOf("[]"));
    refuse(new TypeError("a defect"));
    file.text = textOf(ruleTo("x"));
    await expect(look()).rejects.toThrow(TypeError);
  });
});
