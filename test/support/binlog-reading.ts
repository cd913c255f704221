import { crc32 } from "node:zlib";
import { EventIntake } from "../../src/capture/event-intake.ts";
import { TrackedTables } from "../../src/capture/tracked-tables.ts";
import { TransactionAssembler } from "../../src/capture/transaction.ts";
import type { ChangeBatch, RowForm } from "../../src/types/change-batch.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { sharedSpareMemory } from "../../src/util/spare-memory.ts";
import type { BinlogCorpus, Piece } from "./binlog-corpus.ts";
import { below, noise, type Random } from "./binlog-mutation.ts";

/** Behind an event, longer than any value of fixed size. */
const BEHIND_BYTES = 64;

/** A piece of which one event is damaged. */
export interface Place {
  readonly piece: Piece;
  readonly index: number;
  readonly changed: Buffer;
}

export interface Reading {
  /** The code of the error, or what is no operating error. */
  readonly error: string | null;
  readonly isWrong: boolean;
  readonly stops: readonly string[];
  readonly batches: readonly ChangeBatch[];
  readonly position: string;
}

/** Tables that do not remember that they have stopped, so that they serve for the next reading. */
class ForgetfulTables extends TrackedTables {
  override stop(): void {
    // The assembler has the reason.
  }
}

/** One form of rows, and the tables in it. */
interface Bench {
  readonly tables: TrackedTables;
  readonly numbering: { seq: number; ordinal: number };
}

/** Reads damaged pieces as capture does. */
export class PieceReader {
  readonly #corpus: BinlogCorpus;
  readonly #random: Random;
  readonly #benches: Readonly<Record<RowForm, Bench>>;

  constructor(corpus: BinlogCorpus, random: Random) {
    this.#corpus = corpus;
    this.#random = random;
    const bench = (form: RowForm): Bench => {
      const numbering = { seq: 0, ordinal: 0 };
      return { numbering, tables: this.#tables(form, numbering) };
    };
    this.#benches = { columns: bench("columns"), lines: bench("lines"), records: bench("records") };
  }

  /** What comes of a piece with one of its events changed, and with something else around that one each time. */
  read(form: RowForm, { piece, index, changed }: Place): Reading {
    const { tables, numbering } = this.#benches[form];
    Object.assign(numbering, { seq: 0, ordinal: 0 });
    const assembler = new TransactionAssembler({
      tables,
      identity: { source: "s", epoch: 1 },
      from: { gtids: GtidSet.empty, file: "binlog.000001", offset: 4, seq: 0, last: null },
      numbering,
      expected: null,
    });
    const intake = new EventIntake({
      take: (bytes, header) => {
        assembler.event(bytes, header);
      },
      onError: () => undefined,
    });
    const { bare } = this.#corpus.head;
    const error = thrownBy(() => {
      intake.event(bare, 0, bare.length);
      piece.bare.forEach((event, i) => {
        if (i !== index) intake.event(event, 0, event.length);
        else {
          const before = 1 + below(this.#random, 9);
          // There may be nothing behind it, not even memory.
          const behind = this.#random() < 0.5 ? 0 : BEHIND_BYTES;
          const around = [noise(this.#random, before), changed, noise(this.#random, behind)];
          intake.event(Buffer.concat(around), before, before + changed.length);
        }
      });
    });
    tables.endTransaction();
    const batches = assembler.takeBatches();
    const { stops, position } = assembler.takePosition();
    tables.forgetMaps();
    const isWrong = error !== null && !isNamed(error);
    return {
      error: error === null ? null : isSyncError(error) ? error.code : String(error),
      ...{ isWrong, batches, stops: stops.map(({ code }) => code) },
      position: `${position.file}:${position.offset} ${position.gtids.toString()} ${position.last?.commitUs ?? 0}`,
    };
  }

  #tables(form: RowForm, numbering: Bench["numbering"]): TrackedTables {
    const { schemas, collations, charsets } = this.#corpus;
    return new ForgetfulTables({
      ...{ schemas, collations, charsets, numbering, form },
      ...{ foldsCase: false, countsSpatial: false },
      recordSource: { source: "s", epoch: 1, version: "0.0.0" },
      spare: sharedSpareMemory(),
      held: new Map(),
    });
  }
}

export function thrownBy(work: () => unknown): Error | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Operating errors that say what is wrong with the source or a table, not with us. */
export const isNamed = (error: Error): boolean =>
  isSyncError(error) && /^(BINLOG|TABLE|SOURCE)_/.test(error.code);

/** All of a reading that somebody could notice. */
export function textOf({ error, stops, position, batches }: Reading): string {
  const rows = batches.map((batch) => `${batch.schema.id.table} ${batch.count} ${digest(batch)}`);
  return [error, ...stops, position, ...rows].join("|");
}

function digest({ rows, op, n }: ChangeBatch): number {
  const parts: (Uint8Array | null)[] = [op, bytesOf(n)];
  if (rows.form === "columns") for (const { values, nulls } of rows.columns) parts.push(values, nulls);
  else parts.push(rows.bytes, bytesOf(rows.rowStart));
  return parts.reduce((sum, part) => (part === null ? sum : crc32(part, sum)), 0);
}

const bytesOf = (numbers: Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
