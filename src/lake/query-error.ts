import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { messageOf } from "../util/errors.ts";
import { duckError, duckFailure, DuckFailure } from "./duckdb-error.ts";

/** Where the text that DuckDB was given holds the query, so that a position in one is one in the other. */
export interface QueryText {
  readonly sql: string;
  /** Bytes in front of it. */
  readonly offset: number;
}

const SHOW_HINT =
  '`tallylake query "SHOW ALL TABLES"` lists the tables, and `"DESCRIBE <table>"` the columns of one';

/** Why DuckDB refused or broke off a query, with the place in it. */
export function queryError(error: unknown, text: QueryText): Error {
  const failure = duckError(duckFailure(error));
  if (!(failure instanceof DuckFailure)) {
    return failure.code === "LAKE_IO" ? filesGone(failure) : failure;
  }
  if (failure.type === "Permission") {
    return syncError("QUERY_FAILED", `${firstLine(failure.message)}${placeIn(text, positionOf(error))}`, {
      hint: "a query reads the synced tables and nothing else",
      cause: failure,
    });
  }
  return queryFailed(failure.message, { place: placeIn(text, positionOf(error)), cause: failure });
}

export function queryFailed(
  message: string,
  more: { readonly place: string; readonly cause?: unknown },
): Error {
  const [, ...rest] = message.split("\n");
  const hint = rest
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");
  return syncError("QUERY_FAILED", `${firstLine(message)}${more.place}`, {
    hint: hint === "" ? SHOW_HINT : hint,
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
}

const firstLine = (message: string): string => message.split("\n")[0] ?? "";

const filesGone = (cause: Error): Error =>
  syncError("LAKE_IO", `a file of the lake cannot be read any more: ${cause.message}`, {
    hint: "run the query again; when it runs for longer than `clean.retain`, raise that",
    cause,
  });

const positioned = z.object({ position: z.string().regex(/^\d+$/).transform(Number) });

/** Bytes from the beginning of the text that DuckDB was given; null when it names no place. */
function positionOf(error: unknown): number | null {
  try {
    return positioned.parse(JSON.parse(messageOf(error))).position;
  } catch {
    return null;
  }
}

/** ` (line 2, column 8)`, or nothing when the place is not in the query. */
export function placeIn({ sql, offset }: QueryText, position: number | null): string {
  const bytes = Buffer.from(sql);
  if (position === null || position < offset || position > offset + bytes.length) return "";
  const before = bytes.subarray(0, position - offset).toString("utf8");
  const lines = before.split("\n");
  return ` (line ${lines.length}, column ${Array.from(lines.at(-1) ?? "").length + 1})`;
}
