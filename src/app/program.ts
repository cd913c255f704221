import { EXIT } from "../types/errors.ts";
import { StopError } from "../util/abort.ts";
import { Log, type LogLevel, type LogOptions } from "../util/log.ts";
import { paintFor, plainPaint } from "../util/paint.ts";
import type { Secret } from "../util/secret.ts";
import { channelSecrets } from "./channel-config.ts";
import { parseCommandLine, type CommandLine } from "./cli.ts";
import type { BaseContext, Command, CommandName, GlobalOptions, Handlers } from "./command.ts";
import { loadConfig, type Config } from "./config.ts";
import { printConfig } from "./config-print.ts";
import { renderError } from "./error-view.ts";
import { SIGNAL_EXIT, type Lifecycle } from "./lifecycle.ts";
import type { Output } from "./output.ts";

/** What the program gets from its process, or from a test. */
export interface ProgramOptions {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly version: string;
  readonly out: Output;
  readonly err: Output;
  readonly now: () => number;
  readonly lifecycle: Lifecycle;
  readonly handlers: Handlers;
  readonly readFile: (file: string) => Buffer;
}

/** What is known of how to report, once the arguments and then the config are read. */
interface Reporting {
  level: LogLevel;
  format: LogOptions["format"];
  color: boolean;
  secrets: readonly Secret[];
}

/** One run of the program. */
export class Program {
  readonly #options: ProgramOptions;
  readonly #reporting: Reporting;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#reporting = { ...guessReporting(options), secrets: [] };
  }

  /** From arguments to exit code. Whatever goes wrong is shown on stderr; it never throws. */
  async run(): Promise<number> {
    const { argv, version, now, out, err } = this.#options;
    let command: CommandName | null = null;
    let exitCode: number;
    try {
      const line = parseCommandLine(argv, { version, nowMs: now(), width: out.columns });
      if (line.kind === "command") command = line.command.name;
      exitCode = await runLine(line, this.#options, this.#reporting);
      await out.flush();
    } catch (error) {
      exitCode = error instanceof StopError ? stopCode(command, this.#options) : this.showError(error);
    }
    // Nobody is left to hear that stderr cannot be written.
    await err.flush().catch(() => undefined);
    return exitCode;
  }

  /** Shows an error on stderr and gives its exit code: also for what nobody caught. */
  showError(error: unknown): number {
    const { err, now, version } = this.#options;
    const { format, level, color, secrets } = this.#reporting;
    const { text, exitCode } = renderError(error, {
      format,
      causes: level === "debug",
      paint: color ? paintFor(err.stream) : plainPaint,
      nowMs: now(),
      secrets,
      version,
    });
    err.write(text);
    return exitCode;
  }
}

async function runLine(line: CommandLine, options: ProgramOptions, reporting: Reporting): Promise<number> {
  if (line.kind === "text") {
    options.out.write(line.text);
    return EXIT.ok;
  }
  if (line.kind === "nothing") {
    options.err.write(line.text);
    return EXIT.usage;
  }
  const { command, global } = line;
  applyGlobals(reporting, global);
  // Whoever reads the data decides how much of it there is; a daemon has none and goes on.
  if (!isSnapshot(command.name) && !isDaemon(command.name)) {
    options.out.onClosed(() => options.lifecycle.stop("nobody reads the output"));
  }
  if (command.name === "new") return options.handlers.new(baseContext(options, reporting), command.options);
  const config = loadConfig(global.config, options);
  reporting.level = global.logLevel ?? config.log.level;
  reporting.format = global.logFormat ?? config.log.format;
  reporting.secrets = secretsOf(config);
  if (command.name === "config") {
    options.out.write(printConfig(config));
    return EXIT.ok;
  }
  return runHandler(options.handlers, command, { ...baseContext(options, reporting), config });
}

function runHandler(
  handlers: Handlers,
  command: Exclude<Command, { readonly name: "new" | "config" }>,
  context: BaseContext & { readonly config: Config },
): Promise<number> {
  switch (command.name) {
    case "check":
      return handlers.check(context, command.options);
    case "init":
      return handlers.init(context, command.options);
    case "resnapshot":
      return handlers.resnapshot(context, command.options);
    case "remove":
      return handlers.remove(context, command.options);
    case "follow":
      return handlers.follow(context, command.options);
    case "capture":
      return handlers.capture(context, command.options);
    case "apply":
      return handlers.apply(context, command.options);
    case "report":
      return handlers.report(context, command.options);
    case "status":
      return handlers.status(context, command.options);
    case "query":
      return handlers.query(context, command.options);
  }
}

function baseContext(options: ProgramOptions, reporting: Reporting): BaseContext {
  const { out, err, lifecycle, now, env } = options;
  const { level, format, color } = reporting;
  return {
    log: new Log({ level, format, write: (line) => err.write(line), now }),
    out,
    err,
    paint: color ? paintFor(out.stream) : plainPaint,
    signal: lifecycle.signal,
    lifecycle,
    now,
    env,
  };
}

const isSnapshot = (command: CommandName): boolean => command === "init" || command === "resnapshot";

const isDaemon = (command: CommandName): boolean =>
  command === "follow" || command === "capture" || command === "apply";

/** A usage error must come out in the form that was asked for, so the flags are looked up before they are parsed. */
function guessReporting({ argv }: ProgramOptions): Omit<Reporting, "secrets"> {
  const at = argv.indexOf("--log-format");
  const isJson = (at >= 0 && argv[at + 1] === "json") || argv.includes("--log-format=json");
  return { level: "info", format: isJson ? "json" : "text", color: !argv.includes("--no-color") };
}

function applyGlobals(reporting: Reporting, global: GlobalOptions): void {
  reporting.level = global.logLevel ?? reporting.level;
  reporting.format = global.logFormat ?? reporting.format;
  reporting.color = global.color;
}

/**
 * The exit code of a command that was stopped. A daemon has done what it is for; a snapshot is not finished and
 * goes on when it is started again; of any other command the result is missing, as a shell would say. A reader
 * that went away has all it wanted.
 */
function stopCode(command: CommandName | null, { lifecycle, out }: ProgramOptions): number {
  if (command !== null && isDaemon(command)) return EXIT.ok;
  if (command !== null && isSnapshot(command)) return EXIT.retryLater;
  if (lifecycle.stoppedBy !== null) return SIGNAL_EXIT[lifecycle.stoppedBy];
  return out.closed ? EXIT.ok : EXIT.retryLater;
}

function secretsOf({ source, channel, trace }: Config): readonly Secret[] {
  return [
    source.password,
    ...(source.tls.key === null ? [] : [source.tls.key]),
    ...(channel === null ? [] : channelSecrets(channel)),
    ...(trace.kind === "url" ? [trace.password] : []),
  ];
}
