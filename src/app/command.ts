import type { TablePattern } from "../types/table-pattern.ts";
import type { Log, LogLevel, LogOptions } from "../util/log.ts";
import type { Paint } from "../util/paint.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Output } from "./output.ts";

/** Options that every command takes. Null: the config decides. */
export interface GlobalOptions {
  readonly config: string;
  readonly logLevel: LogLevel | null;
  readonly logFormat: LogOptions["format"] | null;
  readonly color: boolean;
}

export type ViewFormat = "text" | "json";
export type QueryFormat = "table" | "csv" | "json" | "arrow";

export interface CheckOptions {
  /** Print what each column becomes in the lake. */
  readonly types: boolean;
  readonly format: ViewFormat;
}

export interface NewOptions {
  /** As typed: it may hold references, and a password that must not get into the file. */
  readonly source: string;
  readonly tables: readonly TablePattern[];
  /** Where the config is written. */
  readonly output: string;
  /** Overwrite a file that is there. */
  readonly force: boolean;
}

export interface InitOptions {
  /** Compare the content of each table with the source behind its first commit. */
  readonly compare: boolean;
}

export interface ResnapshotOptions extends InitOptions {
  readonly tables: readonly TablePattern[];
}

export interface RemoveOptions {
  /** Full names, and no patterns. */
  readonly tables: readonly string[];
}

export interface FollowOptions {
  readonly untilCaughtUp: boolean;
}

export interface CaptureOptions {
  readonly untilCaughtUp: boolean;
}

export interface ApplyOptions {
  /** End when the newest position that Kafka had at the start is reached. */
  readonly untilCaughtUp: boolean;
}

export interface ReportOptions {
  /** Milliseconds since 1970; null: all that is recorded. */
  readonly sinceMs: number | null;
  /** Length of the windows; null: one for everything. */
  readonly windowMs: number | null;
  /** Empty: all tables. */
  readonly tables: readonly TablePattern[];
  readonly deep: boolean;
  readonly format: ViewFormat;
}

export interface StatusOptions {
  readonly format: ViewFormat;
}

/** An earlier state: by the instant of a commit or its first 8 to 16 digits, or by a time; each counts itself. */
export type AsOf =
  | { readonly kind: "instant"; readonly instant: string }
  | { readonly kind: "time"; readonly atMs: number };

export interface QueryOptions {
  readonly sql: string;
  /** Null: the latest state. */
  readonly asOf: AsOf | null;
  readonly format: QueryFormat;
}

export type Command =
  | { readonly name: "new"; readonly options: NewOptions }
  | { readonly name: "check"; readonly options: CheckOptions }
  | { readonly name: "init"; readonly options: InitOptions }
  | { readonly name: "resnapshot"; readonly options: ResnapshotOptions }
  | { readonly name: "remove"; readonly options: RemoveOptions }
  | { readonly name: "follow"; readonly options: FollowOptions }
  | { readonly name: "capture"; readonly options: CaptureOptions }
  | { readonly name: "apply"; readonly options: ApplyOptions }
  | { readonly name: "report"; readonly options: ReportOptions }
  | { readonly name: "status"; readonly options: StatusOptions }
  | { readonly name: "query"; readonly options: QueryOptions }
  /** Prints the config that is in force. */
  | { readonly name: "config"; readonly options: Readonly<Record<string, never>> };

export type CommandName = Command["name"];

/** What a command works with. Data goes to `out`; everything else goes through `log`, or to `err`. */
export interface BaseContext {
  readonly log: Log;
  readonly out: Output;
  readonly err: Output;
  readonly paint: Paint;
  /** Aborted by the first SIGINT or SIGTERM, or when nobody reads the data any more. */
  readonly signal: AbortSignal;
  readonly lifecycle: Lifecycle;
  readonly now: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface CommandContext extends BaseContext {
  readonly config: Config;
}

/**
 * One function for each command; it resolves with the exit code. It throws SyncError when something
 * outside is not as it must be, and StopError when it ended because of `signal`.
 */
export interface Handlers {
  /** Called without a config: it is the command that writes one. */
  readonly new: (context: BaseContext, options: NewOptions) => Promise<number>;
  readonly check: (context: CommandContext, options: CheckOptions) => Promise<number>;
  readonly init: (context: CommandContext, options: InitOptions) => Promise<number>;
  readonly resnapshot: (context: CommandContext, options: ResnapshotOptions) => Promise<number>;
  readonly remove: (context: CommandContext, options: RemoveOptions) => Promise<number>;
  readonly follow: (context: CommandContext, options: FollowOptions) => Promise<number>;
  readonly capture: (context: CommandContext, options: CaptureOptions) => Promise<number>;
  readonly apply: (context: CommandContext, options: ApplyOptions) => Promise<number>;
  readonly report: (context: CommandContext, options: ReportOptions) => Promise<number>;
  readonly status: (context: CommandContext, options: StatusOptions) => Promise<number>;
  readonly query: (context: CommandContext, options: QueryOptions) => Promise<number>;
}
