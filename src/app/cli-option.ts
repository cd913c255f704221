/** Values of command-line options. What is wrong with one is said in words that fit behind the option. */
import { InvalidArgumentError } from "commander";
import { parseTablePattern, type TablePattern } from "../types/table-pattern.ts";
import { messageOf } from "../util/errors.ts";
import { parseDurationMs } from "../util/units.ts";
import type { AsOf } from "./command.ts";
import { parseMoment } from "./moment.ts";

/** `1h` ago, or a time. */
export const parseSince =
  (nowMs: number) =>
  (text: string): number => {
    const agoMs = parseDurationMs(text);
    const atMs = agoMs === null ? parseMoment(text) : nowMs - agoMs;
    if (atMs === null) {
      throw new InvalidArgumentError("It must be a length such as 1h, or a time such as 2026-11-21T10:00Z.");
    }
    return atMs;
  };

export function parseWindow(text: string): number {
  const ms = parseDurationMs(text);
  // Counts are kept by the minute.
  if (ms === null || ms <= 0 || ms % 60_000 !== 0) {
    throw new InvalidArgumentError("It must be whole minutes, such as 5m or 1h.");
  }
  return ms;
}

export function parseAsOf(text: string): AsOf {
  if (/^\d{8,17}$/.test(text)) return { kind: "instant", instant: text };
  const atMs = parseMoment(text);
  if (atMs === null) {
    throw new InvalidArgumentError(
      "It must be an instant as `status` shows them, its first digits, or a time such as 2026-11-21T10:00Z.",
    );
  }
  return { kind: "time", atMs };
}

export const parsePatterns = (texts: readonly string[]): readonly TablePattern[] =>
  texts.reduce<readonly TablePattern[]>((before, text) => collectPattern(text, before), []);

/** One pattern; the option may be given again. */
export function collectPattern(text: string, before: readonly TablePattern[] = []): readonly TablePattern[] {
  try {
    return [...before, parseTablePattern(text)];
  } catch (error) {
    throw new InvalidArgumentError(`It is no table pattern: ${messageOf(error)}.`);
  }
}
