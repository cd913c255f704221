import { setImmediate as othersTurn } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { crc32 } from "node:zlib";
import { EVENT, EventFramer, HEADER_BYTES } from "../../src/capture/binlog-event.ts";
import { EventIntake } from "../../src/capture/event-intake.ts";
import { RawCounter } from "../../src/capture/raw-counter.ts";
import { parseTableMapName } from "../../src/capture/table-map.ts";
import { isSmall, parseTransactionPayload } from "../../src/capture/transaction-payload.ts";
import type { RowForm } from "../../src/types/change-batch.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { tableKey } from "../../src/types/table-id.ts";
import { must } from "../../src/util/assert.ts";
import { batchRows } from "./batch-lines.ts";
import { typeOf, type BinlogCorpus, type Piece } from "./binlog-corpus.ts";
import { isNamed, PieceReader, textOf, thrownBy, type Place, type Reading } from "./binlog-reading.ts";
import { below, mutate, noise, resized, type Random } from "./binlog-mutation.ts";

/*
 * Damaged binlog events and what becomes of them. With checksums each of them is refused. Without, whatever they say:
 * nothing but an operating error is thrown, nothing is read beyond the event, which shows when what stands around it
 * makes a difference, no memory is taken that the event's own size does not warrant, all forms of rows have the same
 * rows, and an event that is accepted is one whose last byte counted: with one more byte it is refused, or says
 * something else.
 */
export interface FuzzOutcome {
  readonly mutations: number;
  /** Without checksums. */
  readonly accepted: number;
  /** How often each code refused one or stopped a table. */
  readonly refused: ReadonlyMap<string, number>;
  /** What was not as it must be: what, and what repeats it. */
  readonly wrong: readonly string[];
  /** The largest piece of memory that was asked for at once. */
  readonly allocatedMax: number;
}

const FORMS: readonly RowForm[] = ["columns", "lines", "records"];
/** So many mutations are made before anything else has its turn; if they do not end in time, one of them hangs. */
const CHUNK = 500;
const CHUNK_MS_MAX = 20_000;
const WRONG_MAX = 20;
/** Of so many mutations one is read again in other surroundings; of those that are accepted half, in all forms. */
const AGAIN_EVERY = 8;
/** Of so many compressed transactions the reader that only counts unpacks one. */
const BACKGROUND_EVERY = 7;

interface BackgroundReading {
  readonly reading: Promise<void>;
  readonly changed: Buffer;
}

export class BinlogFuzz {
  readonly #corpus: BinlogCorpus;
  readonly #random: Random;
  readonly #reader: PieceReader;
  readonly #kept: ReadonlySet<string>;
  readonly #refused = new Map<string, number>();
  readonly #wrong: string[] = [];
  /** Compressed transactions that are unpacked between packets. */
  #large: Buffer[] = [];
  readonly #readings: BackgroundReading[] = [];
  #mutations = 0;
  /** Whose reading may not have ended. */
  #last: Buffer = Buffer.alloc(0);
  #accepted = 0;
  #allocatedMax = 0;

  constructor(corpus: BinlogCorpus, random: Random) {
    this.#corpus = corpus;
    this.#random = random;
    this.#reader = new PieceReader(corpus, random);
    this.#kept = new Set(corpus.schemas.map(({ id }) => tableKey(id)));
  }

  async run(mutations: number): Promise<FuzzOutcome> {
    const { stackTraceLimit } = Error;
    // Nobody looks at the stacks of so many errors.
    Error.stackTraceLimit = 0;
    const stopWatching = watchAllocations((bytes) => {
      if (bytes > this.#allocatedMax) this.#allocatedMax = bytes;
    });
    try {
      while (this.#mutations < mutations && this.#wrong.length < WRONG_MAX) {
        this.#chunk(Math.min(CHUNK, mutations - this.#mutations));
        await othersTurn();
        for (const event of this.#large.splice(0)) await this.#unpackLarge(event);
        for (const one of this.#readings.splice(0)) await this.#settle(one);
      }
    } finally {
      stopWatching();
      Error.stackTraceLimit = stackTraceLimit;
    }
    return {
      ...{ mutations: this.#mutations, accepted: this.#accepted },
      ...{ refused: this.#refused, wrong: this.#wrong, allocatedMax: this.#allocatedMax },
    };
  }

  /** @throws Error when one of them does not come to an end, with that one */
  #chunk(mutations: number): void {
    const work = (): void => {
      for (let i = mutations; i > 0; i--) this.#one();
    };
    try {
      // Of all that runs code, this alone can break it off.
      runInNewContext("work()", { work }, { timeout: CHUNK_MS_MAX });
    } catch (error) {
      throw new Error(`mutation ${this.#mutations}, ${this.#last.toString("hex")}`, { cause: error });
    }
  }

  #one(): void {
    const { pieces } = this.#corpus;
    const piece = must(pieces[below(this.#random, pieces.length)], "a piece");
    const index = below(this.#random, piece.bare.length);
    this.#mutations++;
    this.#checked(must(piece.checked[index], "an event"));
    const bare = must(piece.bare[index], "an event");
    const changed = mutate(bare, this.#random);
    if (this.#random() < 0.95) resized(changed);
    this.#last = changed;
    if (changed.equals(bare)) return;
    this.#bare(piece, index, changed);
  }

  /** It is refused itself, or what comes behind it is: nobody knows of events before the first header of a file. */
  #checked(event: Buffer): void {
    const changed = mutate(event, this.#random);
    if (this.#random() < 0.5) resized(changed);
    if (changed.equals(event) || hasChecksum(changed)) return;
    const { head, pieces } = this.#corpus;
    const next = must(pieces[0]?.checked[1], "an event");
    const isFirst = this.#random() < 0.2;
    const framer = new EventFramer();
    const behind = typeOf(changed) === EVENT.formatDescription ? [next] : [head.checked, next];
    const events = isFirst ? [changed, ...behind] : [head.checked, changed, next];
    for (const one of events) {
      const error = thrownBy(() => framer.frame(one, 0, one.length));
      if (error === null) continue;
      if (!isSyncError(error)) this.#say(`with checksums: ${String(error)}`, changed);
      return;
    }
    this.#say("with checksums: accepted", changed);
  }

  #bare(piece: Piece, index: number, changed: Buffer): void {
    if (isLarge(changed)) {
      this.#large.push(changed);
      return;
    }
    const counter = this.#count(piece, index, changed);
    if (counter !== null) this.#say(`counted: ${counter}`, changed);
    const form = must(FORMS[this.#mutations % FORMS.length], "a form");
    const reading = this.#reader.read(form, { piece, index, changed });
    if (reading.isWrong) this.#say(`${form}: ${reading.error ?? ""}`, changed);
    const isAgain = this.#mutations % AGAIN_EVERY === 0;
    if (isAgain && textOf(this.#reader.read(form, { piece, index, changed })) !== textOf(reading))
      this.#say(`${form}: what stands around it counts`, changed);
    for (const code of reading.error === null ? reading.stops : [reading.error]) {
      this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    }
    if (reading.error !== null || reading.stops.length > 0) return;
    this.#accepted++;
    if (this.#accepted % 2 === 0) this.#compareForms(form, reading, { piece, index, changed });
    if (!this.#isReadWhole(piece, changed)) return;
    const longer = resized(Buffer.concat([changed, noise(this.#random, 1)]));
    const other = this.#reader.read(form, { piece, index, changed: longer });
    if (other.error === null && other.stops.length === 0 && textOf(other) === textOf(reading)) {
      this.#say(`${form}: one more byte of type ${typeOf(changed)} makes no difference`, changed);
    }
  }

  /** Whether all of the event is ours to read; rows of other tables are not, nor those that XA has only prepared. */
  #isReadWhole(piece: Piece, event: Buffer): boolean {
    switch (typeOf(event)) {
      case EVENT.tableMap:
        return this.#keeps(event);
      case EVENT.writeRows:
      case EVENT.updateRows:
      case EVENT.deleteRows: {
        const map = piece.bare.findLast(
          (one) => typeOf(one) === EVENT.tableMap && mapNumber(one) === mapNumber(event),
        );
        return map !== undefined && this.#keeps(map) && !piece.bare.some(isFirstPhase);
      }
      case EVENT.gtid:
      case EVENT.taggedGtid:
      case EVENT.xid:
      case EVENT.xaPrepare:
      case EVENT.rotate:
      case EVENT.transactionPayload:
        return true;
      // A FORMAT_DESCRIPTION has as many numbers in its middle as it is long: those of types that only later servers know.
      default:
        return false;
    }
  }

  #keeps(map: Buffer): boolean {
    return this.#kept.has(tableKey(parseTableMapName(map, HEADER_BYTES, map.length).id));
  }

  #compareForms(read: RowForm, reading: Reading, place: Place): void {
    const rows = reading.batches.flatMap(batchRows);
    if (rows.length === 0) return;
    for (const row of rows) {
      if (thrownBy(() => JSON.parse(row)) !== null) this.#say(`no JSON: ${row}`, place.changed);
    }
    for (const form of FORMS) {
      if (form === read) continue;
      const other = this.#reader.read(form, place);
      // Records have the image before an update as well, and what is wrong in it.
      if (form === "records" && (other.error !== null || other.stops.length > 0)) continue;
      if (other.batches.flatMap(batchRows).join("\n") !== rows.join("\n")) {
        this.#say(
          `${form} has other rows: ${other.batches.flatMap(batchRows).join("\n")} than ${rows.join("\n")}`,
          place.changed,
        );
      }
    }
  }

  /** What the reader that only counts has thrown and should not. */
  #count(piece: Piece, index: number, changed: Buffer): string | null {
    const counter = new RawCounter({ isCounted: () => true, onTransaction: () => undefined });
    const { bare } = this.#corpus.head;
    const error = thrownBy(() => {
      void counter.event(bare);
      for (const [i, event] of piece.bare.entries()) {
        const one = i === index ? changed : event;
        // A stream of zstd's for each would take longer than all the rest.
        if (typeOf(one) === EVENT.transactionPayload && this.#mutations % BACKGROUND_EVERY !== 0) return;
        const reading = counter.event(one);
        if (reading === null) continue;
        // What was compressed is read in the background, and whoever gives the events waits for it.
        this.#readings.push({ reading, changed });
        reading.catch(() => undefined);
        return;
      }
    });
    return error === null || isNamed(error) ? null : String(error);
  }

  async #settle({ reading, changed }: BackgroundReading): Promise<void> {
    try {
      await reading;
    } catch (error) {
      if (!(error instanceof Error) || !isNamed(error)) this.#say(`counted: ${String(error)}`, changed);
    }
  }

  async #unpackLarge(event: Buffer): Promise<void> {
    const ended = Promise.withResolvers<Error | null>();
    const intake = new EventIntake({ take: () => undefined, onError: ended.resolve });
    intake.attach({
      pause: () => undefined,
      resume: () => {
        ended.resolve(null);
      },
      close: () => Promise.resolve(),
    });
    const { bare } = this.#corpus.head;
    const thrown = thrownBy(() => {
      intake.event(bare, 0, bare.length);
      intake.event(event, 0, event.length);
    });
    const error = thrown ?? (await ended.promise);
    if (error === null) this.#accepted++;
    else if (!isNamed(error)) this.#say(`unpacked: ${String(error)}`, event);
  }

  #say(what: string, event: Buffer): void {
    if (this.#wrong.length < WRONG_MAX) this.#wrong.push(`${what}: ${event.toString("hex")}`);
  }
}

/** Tells of all memory that buffers ask for, until the function that it gives is called. */
function watchAllocations(told: (bytes: number) => void): () => void {
  const before = must(
    Object.getOwnPropertyDescriptor(Buffer, "allocUnsafeSlow"),
    "the allocation of buffers",
  );
  const allocate = before.value as (bytes: number) => Buffer;
  const value = (bytes: number): Buffer => {
    told(bytes);
    return allocate(bytes);
  };
  Object.defineProperty(Buffer, "allocUnsafeSlow", { ...before, value });
  return () => {
    Object.defineProperty(Buffer, "allocUnsafeSlow", before);
  };
}

/** By accident, or because the change has taken itself back. */
const hasChecksum = (event: Buffer): boolean =>
  event.length > HEADER_BYTES + 4 && crc32(event.subarray(0, -4)) === event.readUInt32LE(event.length - 4);

/** An XA_PREPARE behind which the decision is to come. */
const isFirstPhase = (event: Buffer): boolean =>
  typeOf(event) === EVENT.xaPrepare && event.readUInt8(HEADER_BYTES) === 0;

const mapNumber = (event: Buffer): number => event.readUIntLE(HEADER_BYTES, 6);

function isLarge(event: Buffer): boolean {
  if (event.length < HEADER_BYTES || typeOf(event) !== EVENT.transactionPayload) return false;
  try {
    return !isSmall(parseTransactionPayload(event, HEADER_BYTES, event.length));
  } catch {
    return false;
  }
}
