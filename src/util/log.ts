export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | bigint | null | undefined>>;

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly write: (line: string) => void;
  readonly now: () => number;
}

/** Structured log lines for stderr. One line per event of operation, never one per row. */
export class Log {
  readonly #options: LogOptions;
  readonly #context: LogFields;

  constructor(options: LogOptions, context: LogFields = {}) {
    this.#options = options;
    this.#context = context;
  }

  child(context: LogFields): Log {
    return new Log(this.#options, { ...this.#context, ...context });
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#emit("debug", message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#emit("info", message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#emit("warn", message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#emit("error", message, fields);
  }

  #emit(level: LogLevel, message: string, fields: LogFields): void {
    if (RANK[level] < RANK[this.#options.level]) return;
    const time = new Date(this.#options.now()).toISOString();
    const all = { ...this.#context, ...fields };
    this.#options.write(
      this.#options.format === "json"
        ? jsonLine(time, level, message, all)
        : `${time} ${level.toUpperCase().padEnd(5)} ${printable(message)}${textFields(all)}\n`,
    );
  }
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const line = { time, level, message, ...fields };
  return `${JSON.stringify(line, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))}\n`;
}

function textFields(fields: LogFields): string {
  let text = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = printable(String(value));
    text += ` ${name}=${/^[^\s"=]*$/.test(shown) && shown !== "" ? shown : JSON.stringify(shown)}`;
  }
  return text;
}

/** Names come from the source and may hold control characters: a log line stays one line. */
function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
