import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { handlers } from "../../src/app/handlers.ts";
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
}

export interface ToolEnd {
  readonly exitCode: number;
  readonly out: string;
  readonly log: readonly LogLine[];
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: () => number;
}

/** The whole program with its arguments, config and exit code, without a process of its own. */
export class ToolRun {
  readonly #lifecycle: Lifecycle;
  readonly #out = new CapturedOutput();
  readonly #err = new CapturedOutput();
  readonly ended: Promise<ToolEnd>;

  private constructor(place: Place, args: readonly string[], { env = {}, now = Date.now }: ToolOptions) {
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
      handlers,
      readFile: (file) => readFileSync(file),
    });
    this.ended = program
      .run()
      .then((exitCode) => ({ exitCode, out: this.#out.text, log: this.log }));
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

/** The last error of a run: its code, whether it says what to do, and the exit code. */
export function failureOf({ exitCode, log }: ToolEnd): readonly [string, number] {
  const last = log.findLast(({ level }) => level === "error");
  const remedy = last?.hint ?? last?.remedy ?? "";
  if (last?.code === undefined || remedy === "") return [`no error with a remedy: ${JSON.stringify(last)}`, exitCode];
  return [last.code, exitCode];
}

export interface PlaceConfig {
  readonly url: string;
  readonly tables: readonly string[];
  /** Further lines of the config. */
  readonly more?: string;
  readonly epoch?: number;
}

/** Writes the config of a place: small commits, soon. */
export async function configure(place: Place, { url, tables, more = "", epoch = 1 }: PlaceConfig): Promise<void> {
  await writeFile(
    join(place.dir, "tallylake.yaml"),
    `source: {url: ${JSON.stringify(url)}, name: shop, epoch: ${epoch}, connectTimeout: 2s}
tables: ${JSON.stringify(tables)}
lake: ./lake
defaults: {buckets: 2}
snapshot: {parallel: 2, chunkRows: 1000}
commit: {every: 200ms, idleEvery: 2s}
memory: {duckdb: 256MiB, queue: 4MiB}
${/^trace:/m.test(more) ? "" : "trace: off\n"}${more}`,
  );
}
