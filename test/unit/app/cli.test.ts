import { describe, expect, test } from "vitest";
import { parseCommandLine, type CommandLine } from "../../../src/app/cli.ts";
import { HELP } from "../../../src/app/cli-help.ts";
import { SyncError } from "../../../src/util/errors.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const parse = (...argv: string[]): CommandLine =>
  parseCommandLine(argv, { version: "1.2.3", nowMs: NOW, width: 100 });

const DEFAULTS = { config: "tallylake.yaml", logLevel: null, logFormat: null, color: true };

/** Patterns by their text. */
const plain = (line: CommandLine): unknown =>
  JSON.parse(
    JSON.stringify(line, (key, value: unknown) =>
      key === "tables" ? (value as { text: string }[]).map((p) => p.text) : value,
    ),
  );

describe("commands", () => {
  test.each<[string[], unknown]>([
    [["config"], { name: "config", options: {} }],
    [["init"], { name: "init", options: { compare: true } }],
    [["init", "--no-compare"], { name: "init", options: { compare: false } }],
    [["check"], { name: "check", options: { types: false, format: "text" } }],
    [["check", "--types", "--format=json"], { name: "check", options: { types: true, format: "json" } }],
    [["follow"], { name: "follow", options: { untilCaughtUp: false } }],
    [["follow", "--until-caught-up"], { name: "follow", options: { untilCaughtUp: true } }],
    [["status"], { name: "status", options: { format: "text" } }],
    [
      ["report"],
      { name: "report", options: { sinceMs: null, windowMs: null, tables: [], deep: false, format: "text" } },
    ],
    [
      [
        "report",
        "--since",
        "1h",
        "--window",
        "5m",
        "--table",
        "a.*",
        "--table",
        "b.c",
        "--deep",
        "--format",
        "json",
      ],
      {
        name: "report",
        options: {
          sinceMs: NOW - 3_600_000,
          windowMs: 300_000,
          tables: ["a.*", "b.c"],
          deep: true,
          format: "json",
        },
      },
    ],
    [
      ["report", "--since", "2026-11-21T10:00Z"],
      {
        name: "report",
        options: { sinceMs: NOW - 7_200_000, windowMs: null, tables: [], deep: false, format: "text" },
      },
    ],
    [["query", "SELECT 1"], { name: "query", options: { sql: "SELECT 1", asOf: null, format: "table" } }],
    [
      ["query", "--format", "arrow", "--as-of", "20261121100000000", "--", "-- x"],
      {
        name: "query",
        options: { sql: "-- x", asOf: { kind: "instant", instant: "20261121100000000" }, format: "arrow" },
      },
    ],
    [
      ["query", "FROM t", "--as-of", "20261121"],
      {
        name: "query",
        options: { sql: "FROM t", asOf: { kind: "instant", instant: "20261121" }, format: "table" },
      },
    ],
    [
      ["query", "FROM t", "--as-of", "2026-11-21"],
      {
        name: "query",
        options: { sql: "FROM t", asOf: { kind: "time", atMs: Date.UTC(2026, 10, 21) }, format: "table" },
      },
    ],
    [
      ["new", "--source", "mysql://u@h"],
      { name: "new", options: { source: "mysql://u@h", tables: [], output: "tallylake.yaml", force: false } },
    ],
    [
      ["new", "--source", "x", "--tables", "a.*", "--tables", "b.c", "-o", "o.yaml", "--force"],
      { name: "new", options: { source: "x", tables: ["a.*", "b.c"], output: "o.yaml", force: true } },
    ],
  ])("%j", (argv, command) => {
    expect(plain(parse(...argv))).toEqual({ kind: "command", command, global: DEFAULTS });
  });

  test("global options stand before or behind the command", () => {
    const global = { config: "x.yaml", logLevel: "debug", logFormat: "json", color: false };
    const options = ["-c", "x.yaml", "--log-level", "debug", "--log-format", "json", "--no-color"];
    expect(parse(...options, "init")).toMatchObject({ global });
    expect(parse("init", ...options)).toMatchObject({ global });
  });
});

describe("mistakes", () => {
  const errorOf = (argv: string[]): SyncError => {
    try {
      parse(...argv);
    } catch (error) {
      if (error instanceof SyncError) return error;
      throw error;
    }
    throw new Error("nothing was thrown");
  };

  test.each([
    [["inti"], "unknown command 'inti'", "did you mean init? See `tallylake --help`"],
    [["help", "chek"], "unknown command 'chek'", "did you mean check? See `tallylake --help`"],
    [["help", "zzzzzz"], "unknown command 'zzzzzz'", "see `tallylake --help`"],
    [["check", "--typ"], "unknown option '--typ'", "did you mean --types? See `tallylake check --help`"],
    [["--confg", "x", "init"], "unknown option '--confg'", "did you mean --config? See `tallylake --help`"],
    [["query"], "missing required argument 'sql'", "see `tallylake query --help`"],
    [
      ["init", "x"],
      "too many arguments for 'init'. Expected 0 arguments but got 1: x",
      "see `tallylake init --help`",
    ],
    [["new"], "required option '--source <url>' not specified", "see `tallylake new --help`"],
    [["init", "--config"], "option '-c, --config <file>' argument missing", "see `tallylake --help`"],
    [
      ["check", "--format", "jsn"],
      "option '--format <format>' argument 'jsn' is invalid. Allowed choices are text, json",
      "see `tallylake check --help`",
    ],
    [
      ["report", "--since", "yesterday"],
      "option '--since <time>' argument 'yesterday' is invalid. It must be a length such as 1h, or a time such as 2026-11-21T10:00Z",
      "see `tallylake report --help`",
    ],
    [
      ["report", "--window", "90s"],
      "option '--window <length>' argument '90s' is invalid. It must be whole minutes, such as 5m or 1h",
      "see `tallylake report --help`",
    ],
    [
      ["report", "--table", "shop"],
      "option '--table <pattern>' argument 'shop' is invalid. It is no table pattern: it must be `database.table`, such as `shop.*`",
      "see `tallylake report --help`",
    ],
    [
      ["query", "x", "--as-of", "2026-02-30"],
      "option '--as-of <when>' argument '2026-02-30' is invalid. It must be an instant as `status` shows them, its first digits, or a time such as 2026-11-21T10:00Z",
      "see `tallylake query --help`",
    ],
  ])("%j", (argv, message, hint) => {
    expect(errorOf(argv)).toMatchObject({ code: "USAGE", exitCode: 64, message, hint });
  });
});

describe("help", () => {
  const text = (...argv: string[]): string => {
    const line = parse(...argv);
    if (line.kind !== "text") throw new Error(line.kind);
    return line.text;
  };

  test("version", () => {
    expect(text("--version")).toBe("1.2.3\n");
  });

  test("without a command the help is shown, as an error", () => {
    expect(parse()).toEqual({ kind: "nothing", text: text("--help") });
  });

  test("of the program", () => {
    expect(text("--help")).toMatchInlineSnapshot(`
      "Usage: tallylake [options] [command]

      Keeps MySQL tables in Apache Hudi tables, exactly, and proves it.

      Options:
        -V, --version           print the version
        -c, --config <file>     the config (default: "tallylake.yaml")
        --log-level <level>     least severe log lines, in place of log.level (choices: "debug", "info",
                                "warn", "error")
        --log-format <format>   log lines on stderr, in place of log.format (choices: "text", "json")
        --no-color              no colours; NO_COLOR in the environment does the same
        -h, --help              print this help

      Commands:
        new                     Writes a starter config from the tables that it finds on a server.
        check                   Looks at source, lake and trace store, and lists all problems with what
                                fixes them.
        init                    Takes the snapshot: every table's first commit is an exact cut of it,
                                without locks.
        resnapshot <tables...>  Reads tables again, and replaces by one commit what the lake has of them.
        remove <tables...>      Takes tables out of the lake, with all of their files.
        follow                  Streams the binlog into the lake until it is stopped.
        capture                 Streams the binlog into Kafka, in transactions, until it is stopped.
        apply                   Brings the changes from Kafka into the lake until it is stopped.
        report                  Compares the counts of every hop between MySQL and the lake, and gives a
                                verdict.
        status                  Shows lag and position of every table, the last commits, and what stopped.
        query <sql>             Runs a SELECT of DuckDB over the synced tables, all at one position.
        help [command]          Prints the help of a command.

      Examples:
        tallylake new --source mysql://repl@db:3306   write a starter config
        tallylake check                               what is missing, and what fixes it
        tallylake init                                snapshot of all tables
        tallylake follow                              keep them in step
        tallylake capture; tallylake apply            the same in two processes, through Kafka
        tallylake report                              prove it

      Exit codes:
        0   done, or everything matches
        1   a mismatch, or a table stopped
        2   inconclusive: not everything could be compared
        64  usage or config: nothing was started
        69  the source, the lake or the trace store is not as it must be
        70  a defect of tallylake
        75  away for the moment: try again later
        130, 143  ended by SIGINT or SIGTERM

      Notes:
        Data goes to stdout, everything else to stderr.
        Secrets stand in the config as \${env:NAME} or \${file:path} only.
      "
    `);
  });

  test("of a command", () => {
    expect(text("query", "--help")).toMatchInlineSnapshot(`
      "Usage: tallylake query [options] <sql>

      Runs a SELECT of DuckDB over the synced tables, all at one position.

      Options:
        --as-of <when>         an earlier state: an instant or its first digits, or a time
        --format <format>      form of the rows (choices: "table", "csv", "json", "arrow", default:
                               "table")
        -h, --help             print this help

      Global Options:
        -V, --version          print the version
        -c, --config <file>    the config (default: "tallylake.yaml")
        --log-level <level>    least severe log lines, in place of log.level (choices: "debug", "info",
                               "warn", "error")
        --log-format <format>  log lines on stderr, in place of log.format (choices: "text", "json")
        --no-color             no colours; NO_COLOR in the environment does the same

      Examples:
        tallylake query 'SELECT count(*) FROM shop.orders'
        tallylake query --as-of 2026-11-21T10:00Z --format csv 'SELECT * FROM shop.orders'
        tallylake query --format arrow 'FROM shop.orders' > orders.arrows

      Exit codes:
        0   done
        64  usage or config: nothing was started
        69  the source, the lake or the trace store is not as it must be
        70  a defect of tallylake
        75  away for the moment: try again later

      Notes:
        Tables are called database.table, or table where no other one has its name.
        table$meta shows the columns that tallylake (_tl_) and Hudi (_hoodie_) add as well.
        Several tables are shown at the newest position that is known of all of them; where
        that is not their newest state, or there is none, stderr says so.
        --as-of counts all that it begins: 20261121 is the end of that day's commits.
        Times without a zone are UTC; DATETIME is shown without one, TIMESTAMP in UTC.
        csv: NULL is an empty field, the empty text is "". json: one object a line.
        arrow: an IPC stream. Types that Arrow or JSON lack come as DuckDB prints them.
      "
    `);
    expect(text("help", "query")).toBe(text("query", "--help"));
  });

  test.each(Object.keys(HELP))("of %s teaches: a sentence, options, an example, exit codes", (name) => {
    const help = text(name, "--help");
    const blocks = help.split("\n\n").map((block) => block.split("\n"));
    expect(blocks.map(([first]) => first).slice(2)).toEqual([
      "Options:",
      "Global Options:",
      "Examples:",
      "Exit codes:",
      ...(help.includes("\nNotes:") ? ["Notes:"] : []),
    ]);
    expect(blocks[0]?.[0]?.startsWith(`Usage: tallylake ${name}`)).toBe(true);
    expect(blocks[1]?.join(" ").trim()).toMatch(/^[A-Z].*\.$/);
    const examples = blocks[4]?.slice(1) ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(example).toMatch(new RegExp(`^  tallylake ${name}\\b`));
    // None is wider than the terminal that most people have.
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});
