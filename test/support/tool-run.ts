import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Handlers } from "../../src/app/command.ts";
import { handlers as realHandlers } from "../../src/app/handlers.ts";
import { Lifecycle } from "../../src/app/lifecycle.ts";
import { Program } from "../../src/app/program.ts";
import { CapturedOutput } from "./captured-output.ts";
import type { Place } from "./oracle.ts";
import { waitFor } from "./wait-for.ts";

/** A line of the log, or the error that ended the program. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly code?: string;
  /** Of a line of the log; an error that ends the program has `hint`. */
  readonly remedy?: string;
  readonly hint?: string;
  readonly table?: string;
  /** Where in the binlog a table stopped. */
  readonly position?: string;
  /** The mistakes of a config. */
  readonly problems?: readonly { readonly line: number; readonly column: number }[];
}

export interface ToolEnd {
  readonly exitCode: number;
  readonly out: string;
  readonly log: readonly LogLine[];
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  /** Commands in place of the real ones. */
  readonly handlers?: Partial<Handlers>;
}

/** The whole program with its arguments, config and exit code, without a process of its own. */
export class ToolRun {
  readonly #lifecycle: Lifecycle;
  readonly #out = new CapturedOutput();
  readonly #err = new CapturedOutput();
  readonly ended: Promise<ToolEnd>;

  private constructor(place: Place, args: readonly string[], options: ToolOptions) {
    const { env = {}, now = Date.now, handlers = {} } = options;
    const err = this.#err;
    this.#lifecycle = new Lifecycle({
      write: () => undefined,
      exit: (code) => {
        throw new Error(`the program would have ended at once with ${code}`);
      },
    });
    const program = new Program({
      argv: [...args, "--config", join(place.dir, "tallylake.yaml"), "--log-format", "json"],
      env,
      hostname: "test",
      version: "0.0.0",
      out: this.#out,
      err,
      now,
      lifecycle: this.#lifecycle,
      handlers: { ...realHandlers, ...handlers },
      readFile: (file) => readFileSync(file),
    });
    this.ended = program.run().then((exitCode) => ({ exitCode, out: this.#out.text, log: this.log }));
  }

  static start(place: Place, args: readonly string[], options: ToolOptions = {}): ToolRun {
    return new ToolRun(place, args, options);
  }

  get log(): readonly LogLine[] {
    return this.#err.text
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for a line of the log. */
  logged(what: string, isIt: (line: LogLine) => boolean): Promise<LogLine> {
    return waitFor(what, () => this.log.find(isIt) ?? null);
  }

  /** As SIGTERM does. */
  async stop(): Promise<ToolEnd> {
    this.#lifecycle.onSignal("SIGTERM");
    return this.ended;
  }
}

/** Runs the program to its end. */
export const runTool = (place: Place, args: readonly string[], options: ToolOptions = {}): Promise<ToolEnd> =>
  ToolRun.start(place, args, options).ended;

/** The errors of a run in their order, `CODE message`; one that does not say what to do is given away by that. */
export const errorsOf = ({ log }: Pick<ToolEnd, "log">): readonly string[] =>
  log
    .filter(({ level }) => level === "error")
    .map((line) => {
      const text = `${line.code ?? "no code"} ${line.message}`;
      return remedyOf(line) === "" ? `${text} (without a remedy)` : text;
    });

const remedyOf = ({ hint, remedy }: LogLine): string => hint ?? remedy ?? "";

/** What a run says to do about its last error. */
export function remedyIn({ log }: Pick<ToolEnd, "log">): string {
  const last = log.findLast(({ level }) => level === "error");
  return last === undefined ? "there was no error" : remedyOf(last);
}

export interface PlaceConfig {
  readonly url: string;
  readonly tables: readonly string[];
  /** Further lines of the config. */
  readonly more?: string;
  readonly epoch?: number;
  /** Memory of DuckDB. */
  readonly duckdb?: string;
}

/** Writes the config of a place: small commits, soon. */
export async function configure(
  place: Place,
  { url, tables, more = "", epoch = 1, duckdb = "256MiB" }: PlaceConfig,
): Promise<void> {
  await writeFile(
    join(place.dir, "tallylake.yaml"),
    `source: {url: ${JSON.stringify(url)}, name: shop, epoch: ${epoch}, connectTimeout: 2s}
tables: ${JSON.stringify(tables)}
lake: ./lake
defaults: {buckets: 2}
snapshot: {parallel: 2, chunkRows: 1000}
commit: {every: 200ms, idleEvery: 2s}
memory: {duckdb: ${duckdb}, queue: 4MiB}
${/^trace:/m.test(more) ? "" : "trace: off\n"}${more}`,
  );
}
