/**
 * Progress of a snapshot until its tables' first commits absorb it: one file of JSON lines that only grows.
 * The first line names the low watermark, then come the plans of the tables, the chunks that are staged, and
 * the tables that are committed. A line counts when it is whole; one that a crash cut short is the last, and
 * its work is repeated.
 */
import { mkdir, open, readFile, rm, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { stateFileError } from "../types/file-error.ts";
import type { SnapshotChunk, SnapshotStart, StagedChunk } from "../types/ports.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { decodeSourcePosition, encodeSourcePosition, sourcePositionJson } from "../types/source-position.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import { must } from "../util/assert.ts";

const VERSION = 1;
const bound = z.array(z.string()).nullable();
const tableId = z.strictObject({ database: z.string(), table: z.string() });
const count = z.number().int().nonnegative();

const line = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("snapshot"),
    version: z.literal(VERSION),
    source: z.string(),
    epoch: z.number().int(),
    serverUuid: z.string(),
    position: sourcePositionJson,
  }),
  z.strictObject({
    kind: z.literal("plan"),
    table: tableId,
    schemaVersion: z.string(),
  }),
  z.strictObject({ kind: z.literal("bounds"), table: tableId, index: count, after: bound, through: bound }),
  z.strictObject({ kind: z.literal("planned"), table: tableId, chunks: count }),
  z.strictObject({
    kind: z.literal("chunk"),
    table: tableId,
    index: count,
    file: z.string(),
    rows: count,
    readAtMs: count,
  }),
]);

type Line = z.infer<typeof line>;

/** A chunk that is done: its rows are staged and durable. */
export interface DoneChunk extends StagedChunk {
  readonly readAtMs: number;
}

export interface TablePlan {
  readonly table: TableId;
  readonly schemaVersion: string;
  readonly chunks: SnapshotChunk[];
  /** The bounds reach to the end of the table. A plan that a crash cut short is made anew. */
  isComplete: boolean;
  /** By the index of the chunk. */
  readonly done: Map<number, DoneChunk>;
}

export class SnapshotManifest {
  readonly #file: string;
  readonly start: SnapshotStart;
  readonly identity: SourceIdentity;
  readonly #plans = new Map<string, TablePlan>();

  private constructor(file: string, header: Extract<Line, { kind: "snapshot" }>) {
    this.#file = file;
    this.identity = { source: header.source, epoch: header.epoch };
    this.start = { position: decodeSourcePosition(header.position), serverUuid: header.serverUuid };
  }

  /** The manifest of a snapshot that was begun, for going on with it; null when there is none. */
  static read(file: string): Promise<SnapshotManifest | null> {
    return SnapshotManifest.#load(file, "repair");
  }

  /** The same for looking on while another process may be writing it: nothing is changed. */
  static peek(file: string): Promise<SnapshotManifest | null> {
    return SnapshotManifest.#load(file, "leave");
  }

  static async #load(file: string, unfinishedLine: "repair" | "leave"): Promise<SnapshotManifest | null> {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw unreadable(file, messageOf(error), error);
    }
    const lines = text.split("\n");
    // What follows the last newline was not finished, and must not run together with what is written next.
    const unfinished = lines.pop() ?? "";
    if (unfinished !== "" && unfinishedLine === "repair")
      await truncate(file, Buffer.byteLength(text) - Buffer.byteLength(unfinished));
    const [first, ...rest] = lines.map((content, i) => parseLine(file, content, i + 1));
    if (first === undefined) {
      // A crash before the low watermark was written: nothing is known yet, and the name must be free.
      if (unfinishedLine === "repair") await rm(file, { force: true });
      return null;
    }
    if (first.kind !== "snapshot") throw unreadable(file, "its first line names no low watermark");
    const manifest = new SnapshotManifest(file, first);
    for (const entry of rest) manifest.#apply(entry);
    return manifest;
  }

  static async create(
    file: string,
    identity: SourceIdentity,
    start: SnapshotStart,
  ): Promise<SnapshotManifest> {
    const header = {
      kind: "snapshot" as const,
      version: VERSION as typeof VERSION,
      source: identity.source,
      epoch: identity.epoch,
      serverUuid: start.serverUuid,
      position: encodeSourcePosition(start.position),
    };
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const manifest = new SnapshotManifest(file, header);
    await manifest.#write(header, { flags: "wx", sync: true });
    return manifest;
  }

  /** The tables that have a plan. */
  get tables(): readonly TableId[] {
    return [...this.#plans.values()].map((plan) => plan.table);
  }

  plan(table: TableId): TablePlan | null {
    return this.#plans.get(tableKey(table)) ?? null;
  }

  /** Begins the plan of a table; an old one and what was staged for it are forgotten. */
  async beginPlan(table: TableId, schemaVersion: string): Promise<TablePlan> {
    await this.#add({ kind: "plan", table, schemaVersion });
    return this.#mustPlan(table);
  }

  /** Durable with the next line that is. */
  async addBounds(table: TableId, chunk: SnapshotChunk): Promise<void> {
    const { index, after, through } = chunk;
    await this.#add(
      { kind: "bounds", table, index, after: copy(after), through: copy(through) },
      { sync: false },
    );
  }

  async endPlan(table: TableId): Promise<void> {
    await this.#add({ kind: "planned", table, chunks: this.#mustPlan(table).chunks.length });
  }

  async addChunk(table: TableId, chunk: DoneChunk): Promise<void> {
    const { index, file, rows, readAtMs } = chunk;
    await this.#add({ kind: "chunk", table, index, file, rows, readAtMs });
  }

  #mustPlan(table: TableId): TablePlan {
    return must(this.#plans.get(tableKey(table)), "the plan of a table in the manifest");
  }

  async #add(entry: Line, options: { readonly sync: boolean } = { sync: true }): Promise<void> {
    await this.#write(entry, { flags: "a", ...options });
    this.#apply(entry);
  }

  #apply(entry: Line): void {
    switch (entry.kind) {
      case "snapshot":
        throw unreadable(this.#file, "it names a low watermark twice");
      case "plan": {
        const { table, schemaVersion } = entry;
        this.#plans.set(tableKey(table), {
          table,
          schemaVersion,
          chunks: [],
          isComplete: false,
          done: new Map(),
        });
        return;
      }
      case "bounds": {
        const { table, index, after, through } = entry;
        this.#mustPlan(table).chunks.push({ index, after, through });
        return;
      }
      case "planned":
        this.#mustPlan(entry.table).isComplete = true;
        return;
      case "chunk": {
        const { table, index, file, rows, readAtMs } = entry;
        this.#mustPlan(table).done.set(index, { index, file, rows, readAtMs });
      }
    }
  }

  async #write(entry: Line, options: { readonly flags: "a" | "wx"; readonly sync: boolean }): Promise<void> {
    try {
      const handle = await open(this.#file, options.flags, 0o600);
      try {
        await handle.write(`${JSON.stringify(entry)}\n`);
        if (options.sync) await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      const what = `the progress of the snapshot cannot be written to ${this.#file}: ${messageOf(error)}`;
      throw stateFileError(error, what);
    }
  }
}

const copy = (bound: readonly string[] | null): string[] | null => (bound === null ? null : [...bound]);

function parseLine(file: string, content: string, number: number): Line {
  try {
    return line.parse(JSON.parse(content));
  } catch (error) {
    throw unreadable(file, `line ${number} is not one of ours`, error);
  }
}

function unreadable(file: string, why: string, cause?: unknown): Error {
  return syncError("SNAPSHOT_MANIFEST", `the progress of the snapshot in ${file} cannot be read: ${why}`, {
    hint: "remove the file: `tallylake init` then begins the snapshot anew",
    ...(cause === undefined ? {} : { cause }),
  });
}
