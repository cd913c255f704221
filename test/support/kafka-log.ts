import type { KafkaServer } from "../../scripts/kafka/server.ts";
import type { ProcessEnd, TallylakeProcess } from "./tallylake-process.ts";
import type { LogLine } from "./tool-run.ts";
import { waitFor } from "./wait-for.ts";

export const endText = ({ code, signal, stderr }: ProcessEnd): string =>
  `${String(code ?? signal)}: ${stderr.slice(-1500)}`;

/** The lines that a process has logged so far. */
export const logOf = ({ stderr }: Pick<TallylakeProcess, "stderr">): readonly KafkaLogLine[] =>
  stderr
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as KafkaLogLine);

/** The error that ended a process. */
export const lastError = (process: Pick<TallylakeProcess, "stderr">): KafkaLogLine | undefined =>
  logOf(process).findLast(({ level }) => level === "error");

export interface KafkaLogLine extends LogLine {
  readonly cause?: string;
  readonly from?: string;
}

/** Waits until a process has logged a line. */
export async function logged(
  process: TallylakeProcess,
  what: string,
  isIt: (line: KafkaLogLine) => boolean,
): Promise<KafkaLogLine> {
  const find = (): KafkaLogLine | null => {
    const line = logOf(process).find(isIt);
    if (line === undefined && !process.isRunning)
      throw new Error(`it ended before ${what}: ${process.stderr}`);
    return line ?? null;
  };
  try {
    return await waitFor(what, find, { timeoutMs: 60_000 });
  } catch (cause) {
    throw new Error(`never logged: ${what}; it logged ${process.stderr}`, { cause });
  }
}

const WORDS_MAX = 2000;

/** How processes are and the end of what they have logged; and which brokers have ended. */
export function lastWords(
  processes: ReadonlyMap<string, TallylakeProcess>,
  brokers: readonly Pick<KafkaServer, "id" | "running">[],
): string {
  const words = Array.from(processes, ([name, process]) => {
    const state = process.isRunning ? "running" : "ended";
    return `${name} is ${state}, logged: ${process.stderr.slice(-WORDS_MAX)}`;
  });
  const gone = brokers.filter(({ running }) => !running).map(({ id }) => `broker ${id} has ended`);
  return [...words, ...gone].join("\n");
}
