import {
  Command as CommandParser,
  CommanderError,
  Option,
  type Argument,
  type CommandOptions,
} from "commander";
import { syncError } from "../types/errors.ts";
import { nearest } from "../util/nearest.ts";
import { collectPattern, parseAsOf, parsePatterns, parseSince, parseWindow } from "./cli-option.ts";
import { HELP, PROGRAM_HELP, type CommandHelp } from "./cli-help.ts";
import type {
  ApplyOptions,
  CaptureOptions,
  CheckOptions,
  Command,
  FollowOptions,
  InitOptions,
  GlobalOptions,
  NewOptions,
  QueryOptions,
  ReportOptions,
  StatusOptions,
} from "./command.ts";
import { CONFIG_FILE_DEFAULT } from "./config.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./config-schema.ts";

export type CommandLine =
  /** Help or version: `text` is what was asked for. */
  | { readonly kind: "text"; readonly text: string }
  /** Called without a command: the help is shown, and it is an error. */
  | { readonly kind: "nothing"; readonly text: string }
  | { readonly kind: "command"; readonly command: Command; readonly global: GlobalOptions };

export interface CommandLineOptions {
  readonly version: string;
  readonly nowMs: number;
  /** Columns of the terminal, for the help. */
  readonly width: number;
}

/**
 * Reads the arguments behind the program's name.
 * @throws USAGE with the nearest command or option
 */
export function parseCommandLine(argv: readonly string[], options: CommandLineOptions): CommandLine {
  let text = "";
  const found: { result: CommandLine | null } = { result: null };
  const program = newProgram(options, (chunk) => (text += chunk));
  const global = (): GlobalOptions => globalOptions(program);
  addCommands(program, options.nowMs, (command) => {
    found.result = { kind: "command", command, global: global() };
  });
  addHelp(program, () => (found.result = { kind: "text", text }));
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.help") return { kind: "nothing", text };
    if (error.exitCode === 0) return { kind: "text", text };
    throw error;
  }
  return found.result ?? { kind: "nothing", text };
}

function newProgram(options: CommandLineOptions, write: (text: string) => void): CommandParser {
  const program = new CommandParser("tallylake")
    .description(PROGRAM_HELP.description)
    .version(options.version, "-V, --version", "print the version")
    .addOption(new Option("-c, --config <file>", "the config").default(CONFIG_FILE_DEFAULT))
    .addOption(
      new Option("--log-level <level>", "least severe log lines, in place of log.level").choices(LOG_LEVELS),
    )
    .addOption(
      new Option("--log-format <format>", "log lines on stderr, in place of log.format").choices(LOG_FORMATS),
    )
    .option("--no-color", "no colours; NO_COLOR in the environment does the same")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .addHelpText("after", PROGRAM_HELP.after)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    })
    .configureOutput({
      writeOut: write,
      writeErr: (chunk) => write(chunk),
      // Errors are thrown with all they say; they need no second text.
      outputError: () => undefined,
      getOutHelpWidth: () => options.width,
      getErrHelpWidth: () => options.width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  return program.exitOverride((error) => throwUsage(error, program));
}

function addCommands(program: CommandParser, nowMs: number, found: (command: Command) => void): void {
  const add = (help: CommandHelp, options: CommandOptions = {}): CommandParser => {
    const command = program
      .command(help.usage, options)
      .description(help.description)
      .addHelpText("after", help.after);
    return command.exitOverride((error) => throwUsage(error, command));
  };
  const view = (): Option =>
    new Option("--format <format>", "form of the output").choices(["text", "json"]).default("text");

  add(HELP.new)
    .requiredOption("--source <url>", "the server, as mysql://user@host:port")
    .option("--tables <pattern>", "tables to take, such as 'shop.*'; may be given again", collectPattern)
    .option("-o, --output <file>", "where the config is written", CONFIG_FILE_DEFAULT)
    .option("--force", "overwrite a file that is there")
    .action(({ source, tables, output, force }: Loose<NewOptions>) =>
      found({ name: "new", options: { source, tables: tables ?? [], output, force: force ?? false } }),
    );
  add(HELP.check)
    .option("--types", "print what each column becomes in the lake")
    .addOption(view())
    .action(({ types, format }: Loose<CheckOptions>) =>
      found({ name: "check", options: { types: types ?? false, format } }),
    );
  add(HELP.config, { hidden: true }).action(() => found({ name: "config", options: {} }));
  add(HELP.init)
    .option("--no-compare", "do not compare the rows with MySQL behind the first commit")
    .action(({ compare }: InitOptions) => found({ name: "init", options: { compare } }));
  add(HELP.resnapshot)
    .option("--no-compare", "do not compare the rows with MySQL behind the commit")
    .action((texts: readonly string[], { compare }: InitOptions) =>
      found({ name: "resnapshot", options: { tables: parsePatterns(texts), compare } }),
    );
  add(HELP.remove).action((tables: readonly string[]) => found({ name: "remove", options: { tables } }));
  add(HELP.follow)
    .option("--until-caught-up", "end when the source's position at the start is reached")
    .action(({ untilCaughtUp }: Loose<FollowOptions>) =>
      found({ name: "follow", options: { untilCaughtUp: untilCaughtUp ?? false } }),
    );
  add(HELP.capture)
    .option("--until-caught-up", "end when the source's position at the start is in Kafka")
    .action(({ untilCaughtUp }: Loose<CaptureOptions>) =>
      found({ name: "capture", options: { untilCaughtUp: untilCaughtUp ?? false } }),
    );
  add(HELP.apply)
    .option("--until-caught-up", "end when the newest position that Kafka has at the start is reached")
    .action(({ untilCaughtUp }: Loose<ApplyOptions>) =>
      found({ name: "apply", options: { untilCaughtUp: untilCaughtUp ?? false } }),
    );
  add(HELP.report)
    .option("--since <time>", "only what was committed since: 1h, or 2026-11-21T10:00Z", parseSince(nowMs))
    .option("--window <length>", "length of the windows: 5m", parseWindow)
    .option("--table <pattern>", "only these tables; may be given again", collectPattern)
    .option("--deep", "compare the rows of MySQL and the lake as well")
    .addOption(view())
    .action((options: RawReport) => found({ name: "report", options: reportOptions(options) }));
  add(HELP.status)
    .addOption(view())
    .action((options: StatusOptions) => found({ name: "status", options }));
  add(HELP.query)
    .option("--as-of <when>", "an earlier state: an instant or its first digits, or a time", parseAsOf)
    .addOption(new Option("--format <format>", "form of the rows").choices(QUERY_FORMATS).default("table"))
    .action((sql: string, { asOf, format }: RawQuery) =>
      found({ name: "query", options: { sql, asOf: asOf ?? null, format } }),
    );
}

const QUERY_FORMATS = ["table", "csv", "json", "arrow"];

/** Options as they come: flags and lists that were not given are absent. */
type Loose<T> = {
  readonly [K in keyof T]: T[K] extends boolean | readonly unknown[] ? T[K] | undefined : T[K];
};

type RawQuery = Pick<QueryOptions, "format"> & { readonly asOf?: QueryOptions["asOf"] };

interface RawReport {
  readonly since?: number;
  readonly window?: number;
  readonly table?: ReportOptions["tables"];
  readonly deep?: boolean;
  readonly format: ReportOptions["format"];
}

const reportOptions = ({ since, window, table, deep, format }: RawReport): ReportOptions => ({
  sinceMs: since ?? null,
  windowMs: window ?? null,
  tables: table ?? [],
  deep: deep ?? false,
  format,
});

/** `help` and `help <command>` say what `--help` says, as people try both. */
function addHelp(program: CommandParser, shown: () => void): void {
  program
    .command("help [command]")
    .description("Prints the help of a command.")
    .action((name: string | undefined) => {
      const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
      if (command === undefined) throw unknownCommand(name ?? "", program);
      command.outputHelp();
      shown();
    });
}

function unknownCommand(name: string, program: CommandParser): Error {
  const meant = nearest(
    name,
    program.commands.map((command) => command.name()),
  );
  return syncError("USAGE", `unknown command '${name}'`, {
    hint: meant === null ? "see `tallylake --help`" : `did you mean ${meant}? See \`tallylake --help\``,
  });
}

const argumentTerm = (argument: Argument): string =>
  argument.required ? `<${argument.name()}${argument.variadic ? "..." : ""}>` : `[${argument.name()}]`;

function globalOptions(program: CommandParser): GlobalOptions {
  const { config, logLevel, logFormat, color } = program.opts<
    Pick<GlobalOptions, "config" | "color"> & Partial<GlobalOptions>
  >();
  return { config, logLevel: logLevel ?? null, logFormat: logFormat ?? null, color };
}

/** A wrong command line as an error of ours: one line, and as its remedy what was probably meant. */
function throwUsage(error: CommanderError, command: CommandParser): never {
  if (error.exitCode === 0 || error.code === "commander.help") throw error;
  const [first = "", ...rest] = error.message.split("\n");
  const meant = /\(Did you mean (?:one of )?(.*)\?\)/.exec(rest.join(" "))?.[1];
  const name = command.parent === null ? "tallylake" : `tallylake ${command.name()}`;
  throw syncError("USAGE", first.replace(/^error: /, "").replace(/\.$/, ""), {
    hint: meant === undefined ? `see \`${name} --help\`` : `did you mean ${meant}? See \`${name} --help\``,
    cause: error,
  });
}
