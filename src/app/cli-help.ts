/** What the help says beside the options: for each command one sentence, examples and exit codes. */
import type { CommandName } from "./command.ts";

export interface CommandHelp {
  /** Name and arguments. */
  readonly usage: string;
  readonly description: string;
  readonly after: string;
}

function after(
  examples: readonly string[],
  exitCodes: readonly string[],
  notes: readonly string[] = [],
): string {
  const block = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `\n${title}:\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [block("Examples", examples), block("Exit codes", exitCodes), block("Notes", notes)]
    .join("")
    .trimEnd();
}

const COMMON = [
  "64  usage or config: nothing was started",
  "69  the source, the lake or the trace store is not as it must be",
  "70  a defect of tallylake",
  "75  away for the moment: try again later",
];

export const PROGRAM_HELP = {
  description: "Keeps MySQL tables in Apache Hudi tables, exactly, and proves it.",
  after: after(
    [
      "tallylake new --source mysql://repl@db:3306   write a starter config",
      "tallylake check                               what is missing, and what fixes it",
      "tallylake init                                snapshot of all tables",
      "tallylake follow                              keep them in step",
      "tallylake capture; tallylake apply            the same in two processes, through Kafka",
      "tallylake report                              prove it",
    ],
    [
      "0   done, or everything matches",
      "1   a mismatch, or a table stopped",
      "2   inconclusive: not everything could be compared",
      ...COMMON,
      "130, 143  ended by SIGINT or SIGTERM",
    ],
    [
      "Data goes to stdout, everything else to stderr.",
      "Secrets stand in the config as ${env:NAME} or ${file:path} only.",
    ],
  ),
} as const;

export const HELP: Readonly<Record<CommandName, CommandHelp>> = {
  new: {
    usage: "new",
    description: "Writes a starter config from the tables that it finds on a server.",
    after: after(
      [
        "tallylake new --source 'mysql://repl:${env:MYSQL_PASSWORD}@db:3306' --tables 'shop.*'",
        "tallylake new --source mysql://root@localhost -o shop.yaml",
      ],
      ["0   written", ...COMMON],
      ["A password never gets into the file: a reference to MYSQL_PASSWORD stands for it."],
    ),
  },
  check: {
    usage: "check",
    description: "Looks at source, lake and trace store, and lists all problems with what fixes them.",
    after: after(
      ["tallylake check", "tallylake check --types", "tallylake check --format json"],
      [
        "0   nothing keeps init and follow from starting",
        "1   a table cannot be replicated as it is",
        ...COMMON,
      ],
    ),
  },
  config: {
    usage: "config",
    description: "Prints the config that is in force, defaults included and secrets masked.",
    after: after(["tallylake config", "tallylake config --config shop.yaml"], ["0   printed", ...COMMON]),
  },
  init: {
    usage: "init",
    description: "Takes the snapshot: every table's first commit is an exact cut of it, without locks.",
    after: after(
      ["tallylake init", "tallylake init --config shop.yaml"],
      ["0   all tables are in the lake", "1   a table stopped; the others are in the lake", ...COMMON],
      [
        "Killed at any point and started again it goes on at the first unfinished chunk.",
        "Run again when it is finished it says so and changes nothing.",
        "Stopped by a signal it ends with 75.",
      ],
    ),
  },
  resnapshot: {
    usage: "resnapshot <tables...>",
    description: "Reads tables again, and replaces by one commit what the lake has of them.",
    after: after(
      ["tallylake resnapshot shop.orders", "tallylake resnapshot 'shop.*' crm.customer"],
      ["0   done, or a running follow does it", "1   a table stopped; the others are done", ...COMMON],
      [
        "Until that commit readers see the table as it was; earlier states can still be queried.",
        "A follow that runs is asked to do it, and goes on with the other tables meanwhile.",
        "Killed at any point and started again it goes on at the first unfinished chunk.",
      ],
    ),
  },
  remove: {
    usage: "remove <tables...>",
    description: "Takes tables out of the lake, with all of their files.",
    after: after(
      ["tallylake remove shop.orders"],
      ["0   removed", ...COMMON],
      [
        "Tables are named in full, one by one; a pattern removes nothing.",
        "A follow that has the tables must be stopped before.",
        "A table that the config still means comes back with the next init.",
      ],
    ),
  },
  follow: {
    usage: "follow",
    description: "Streams the binlog into the lake until it is stopped.",
    after: after(
      ["tallylake follow", "tallylake follow --until-caught-up"],
      [
        "0   stopped by a signal, or caught up; everything read is committed",
        "1   a table stopped",
        ...COMMON,
      ],
      [
        "SIGTERM or SIGINT drains and commits; a second one stops at once, as safely as a kill.",
        "A table that stops keeps its checkpoint, and the others go on.",
        "A table whose definition changed is read again meanwhile, unless schemaChanges says stop.",
        "With channel.kafka in the config the changes go through Kafka, in this one process.",
      ],
    ),
  },
  capture: {
    usage: "capture",
    description: "Streams the binlog into Kafka, in transactions, until it is stopped.",
    after: after(
      ["tallylake capture", "tallylake capture --until-caught-up"],
      [
        "0   stopped by a signal, or caught up; everything read is committed",
        "1   a table stopped",
        ...COMMON,
      ],
      [
        "Needs channel.kafka in the config. It reads the positions of the tables in the lake.",
        "A second capture of the same transactional id stops the first one.",
        "The other half is `tallylake apply`; `tallylake follow` is both in one process.",
      ],
    ),
  },
  apply: {
    usage: "apply",
    description: "Brings the changes from Kafka into the lake until it is stopped.",
    after: after(
      ["tallylake apply", "tallylake apply --until-caught-up"],
      [
        "0   stopped by a signal, or caught up; everything read is committed",
        "1   a table stopped",
        ...COMMON,
      ],
      ["Needs channel.kafka in the config, and no access to MySQL."],
    ),
  },
  report: {
    usage: "report",
    description: "Compares the counts of every hop between MySQL and the lake, and gives a verdict.",
    after: after(
      [
        "tallylake report",
        "tallylake report --since 1h --window 5m --table 'shop.*'",
        "tallylake report --deep --format json",
      ],
      ["0   match", "1   missing, extra or different", "2   inconclusive", ...COMMON],
    ),
  },
  status: {
    usage: "status",
    description: "Shows lag and position of every table, the last commits, and what stopped.",
    after: after(
      ["tallylake status", "tallylake status --format json"],
      ["0   shown, and no table is stopped", "1   a table is stopped", ...COMMON],
      ["What is not known reads `unknown`."],
    ),
  },
  query: {
    usage: "query <sql>",
    description: "Runs a SELECT of DuckDB over the synced tables, all at one position.",
    after: after(
      [
        "tallylake query 'SELECT count(*) FROM shop.orders'",
        "tallylake query --as-of 2026-11-21T10:00Z --format csv 'SELECT * FROM shop.orders'",
        "tallylake query --format arrow 'FROM shop.orders' > orders.arrows",
      ],
      ["0   done", ...COMMON],
      [
        "Tables are called database.table, or table where no other one has its name.",
        "table$meta shows the columns that tallylake (_tl_) and Hudi (_hoodie_) add as well.",
        "Several tables are shown at the newest position that is known of all of them; where",
        "that is not their newest state, or there is none, stderr says so.",
        "--as-of counts all that it begins: 20261121 is the end of that day's commits.",
        "Times without a zone are UTC; DATETIME is shown without one, TIMESTAMP in UTC.",
        'csv: NULL is an empty field, the empty text is "". json: one object a line.',
        "arrow: an IPC stream. Types that Arrow or JSON lack come as DuckDB prints them.",
      ],
    ),
  },
};
