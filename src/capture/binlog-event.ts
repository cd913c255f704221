import { crc32 } from "node:zlib";
import { syncError } from "../types/errors.ts";
import { formatGtid } from "../types/gtid.ts";
import { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./corrupt.ts";

/**
 * Raw binlog events: the header, the checksum, and the control events. The layout of all of them is in
 * MySQL's `libs/mysql/binlog/event/`. Row events stay bytes here; `table-map.ts` and `row-decode.ts` read them.
 */
export const EVENT = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  taggedGtid: 42,
  // Of MariaDB, see `mariadb/`.
  annotateRows: 160,
  binlogCheckpoint: 161,
  mariadbGtid: 162,
  gtidList: 163,
  startEncryption: 164,
  queryPacked: 165,
  writeRowsV1Packed: 166,
  updateRowsV1Packed: 167,
  deleteRowsV1Packed: 168,
  writeRowsPacked: 169,
  updateRowsPacked: 170,
  deleteRowsPacked: 171,
  partialRows: 172,
} as const;

/** Of every event. */
export const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
/** A replica may leave out an event with this flag that it does not know. */
const FLAG_IGNORABLE = 0x80;
/** A statement with this flag uses temporary tables of the session that it names. */
const FLAG_THREAD_SPECIFIC = 0x04;

export interface EventHeader {
  readonly type: number;
  /** End of the event in its file, modulo 2^32; 0 in events that the server makes up. */
  readonly endOffset: number;
  readonly isIgnorable: boolean;
  /** A row event of the first version: it has no extra data. */
  readonly isV1: boolean;
  /** The body lies in `bytes` from here … */
  readonly bodyStart: number;
  /** … to here, without the checksum. */
  readonly bodyEnd: number;
}

/**
 * Reads headers and verifies checksums. Whether events carry one is said by each FORMAT_DESCRIPTION event
 * for those behind it, so a switch of `binlog_checksum` while we read is seen where it happens.
 *
 * Nothing vouches for what says that there are no checksums, which may be an event that was damaged just so: it is
 * believed when the event behind it has none either. In the same way a FORMAT_DESCRIPTION with a checksum tells that
 * the ROTATE in front of it must have had one.
 */
export class EventFramer {
  /** Null before the first FORMAT_DESCRIPTION: only what a server makes up comes before it. */
  #hasChecksum: boolean | null = null;
  /** Something came before, and nothing vouches for it. */
  #isUnvouched = false;
  /** The last event has said that there are no checksums. */
  #isDisclaimed = false;

  frame(bytes: Uint8Array, from: number, to: number): EventHeader {
    const size = to - from;
    if (size < HEADER_BYTES || eventSize(bytes, from) !== size) {
      throw corrupt(
        `an event of ${size} bytes says that it has ${size < 13 ? "none" : eventSize(bytes, from)}`,
      );
    }
    const type = bytes[from + 4] as number;
    if (type === EVENT.formatDescription) {
      this.#describe(bytes, from, to);
    } else if (this.#isDisclaimed) {
      this.#isDisclaimed = false;
      if (crcMatches(bytes, from, to))
        throw corrupt("events have checksums where it says that they have none");
    }
    const hasChecksum = this.#hasChecksum ?? this.#madeUpChecksum(type, crcMatches(bytes, from, to));
    if (hasChecksum && !crcMatches(bytes, from, to)) {
      throw corrupt(
        `the checksum of an event of type ${type} ending at ${readU32(bytes, from + 13)} is wrong`,
      );
    }
    return {
      type,
      endOffset: readU32(bytes, from + 13),
      isIgnorable: isIgnorable(bytes, from),
      isV1: false,
      bodyStart: from + HEADER_BYTES,
      bodyEnd: hasChecksum ? to - CHECKSUM_BYTES : to,
    };
  }

  #describe(bytes: Uint8Array, from: number, to: number): void {
    const hasChecksum = describesChecksum(bytes, from, to);
    if (hasChecksum && this.#isUnvouched) throw corrupt("the checksum of the first event is wrong");
    this.#hasChecksum = hasChecksum;
    this.#isUnvouched = false;
    this.#isDisclaimed = !hasChecksum;
  }

  /** Of an event before the first FORMAT_DESCRIPTION. */
  #madeUpChecksum(type: number, isRight: boolean): boolean {
    if (!MADE_UP.has(type)) throw corrupt(`an event of type ${type} came before the FORMAT_DESCRIPTION`);
    this.#isUnvouched ||= !isRight;
    return isRight;
  }
}

/** What a server makes up for its reader, and what can come before it has read the head of a file. */
const MADE_UP: ReadonlySet<number> = new Set([EVENT.rotate, EVENT.heartbeat, EVENT.heartbeatV2]);

/** The header of an event that was compressed with others: it has no checksum, and no place of its own in the file. */
export function innerHeader(bytes: Uint8Array, from: number, to: number, outer: EventHeader): EventHeader {
  return {
    type: bytes[from + 4] as number,
    endOffset: outer.endOffset,
    isIgnorable: isIgnorable(bytes, from),
    isV1: false,
    bodyStart: from + HEADER_BYTES,
    bodyEnd: to,
  };
}

const isIgnorable = (bytes: Uint8Array, from: number): boolean =>
  (((bytes[from + 17] as number) | ((bytes[from + 18] as number) << 8)) & FLAG_IGNORABLE) !== 0;

/** Bytes of the event that begins here, as its header says. */
export const eventSize = (bytes: Uint8Array, from: number): number => readU32(bytes, from + 9);

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function crcMatches(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < HEADER_BYTES + CHECKSUM_BYTES) return false;
  return crc32(bytes.subarray(from, to - CHECKSUM_BYTES)) === readU32(bytes, to - CHECKSUM_BYTES);
}

/** Since MySQL 5.0. */
const BINLOG_VERSION = 4;
/** Behind the version of the binlog: that of the server in 50 bytes, and the time in four. */
const HEADER_BYTES_AT = 56;

/** A FORMAT_DESCRIPTION always ends with the algorithm (0 none, 1 CRC32) and four bytes for its own checksum. */
function describesChecksum(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < HEADER_BYTES + 57 + 5) throw corrupt("the FORMAT_DESCRIPTION event is too short");
  const body = from + HEADER_BYTES;
  const version = (bytes[body] as number) | ((bytes[body + 1] as number) << 8);
  const headerBytes = bytes[body + HEADER_BYTES_AT] as number;
  if (version !== BINLOG_VERSION || headerBytes !== HEADER_BYTES)
    throw corrupt(`a binlog of version ${version} with headers of ${headerBytes} bytes`);
  const algorithm = bytes[to - CHECKSUM_BYTES - 1] as number;
  if (algorithm > 1) {
    throw syncError("BINLOG_EVENT_UNKNOWN", `binlog checksum algorithm ${algorithm} is not known`, {
      hint: "SET GLOBAL binlog_checksum = 'CRC32' on the source",
    });
  }
  return algorithm === 1;
}

export interface GtidEvent {
  /** As in `Gtid`. */
  readonly origin: string;
  readonly number: bigint;
  /** Microseconds since 1970 at which the transaction was committed where it was first executed. */
  readonly commitUs: number;
  /** It stands for a BEGIN; MySQL writes one behind it. */
  readonly isBegin?: boolean;
  /** Whether the statement of this group is done, and what it changes, is for another group to say. */
  readonly isUndecided?: boolean;
}

/** GTID event: flags, server UUID, number, logical clock, commit times (MySQL 8.0.1) and server (8.0.14). */
export function parseGtidEvent(bytes: Uint8Array, from: number, to: number): GtidEvent {
  const r = new ByteReader(bytes, from, to);
  r.skip(1);
  const uuid = r.take(16);
  const number = r.u64();
  const origin = uuidText(uuid);
  if (number < 1n) throw corrupt(`a GTID event has the number ${number}`);
  r.skip(1 + 8 + 8);
  if (r.left < 7 + 1 + 4) {
    throw syncError(
      "SOURCE_NOT_SUPPORTED",
      `${formatGtid({ origin, number })} has no commit time or server`,
      {
        hint: "the source must be MySQL 8.0.14 or later",
      },
    );
  }
  const immediate = r.u56();
  // Bit 55 says that the time on the original server follows; without it both are the same.
  const commitUs = (immediate & (1n << 55n)) === 0n ? immediate : r.u56();
  skipRest(r);
  return { origin, number, commitUs: Number(commitUs & ((1n << 55n) - 1n)) };
}

/** The size of the transaction, the version of the server, and of the commit's group where there is one. */
function skipRest(r: ByteReader): void {
  r.packedLength();
  // The highest bit says that the version of the original server follows.
  if (r.uint(4) >= 2 ** 31) r.skip(4);
  if (r.left > 0) r.skip(8);
  if (r.left > 0) throw corrupt(`a GTID event has ${r.left} bytes too many`);
}

export function uuidText(uuid: Uint8Array): string {
  const hex = Buffer.from(uuid).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export interface QueryEvent {
  readonly database: string;
  readonly statement: string;
  readonly errorCode: number;
  /** Temporary tables, which are seen by their session alone. */
  readonly usesTemporary: boolean;
}

export function parseQueryEvent(bytes: Uint8Array, from: number, to: number): QueryEvent {
  const r = new ByteReader(bytes, from, to);
  r.skip(8);
  const databaseBytes = r.u8();
  const errorCode = r.u16();
  r.skip(r.u16());
  const database = r.text(databaseBytes);
  r.skip(1);
  // The flags are the last field of the header.
  const usesTemporary = ((bytes[from - 2] ?? 0) & FLAG_THREAD_SPECIFIC) !== 0;
  return { database, statement: r.text(r.left), errorCode, usesTemporary };
}

export interface RotateEvent {
  readonly file: string;
  readonly offset: number;
}

/** A name, which is UTF-8, and a number of six digits or more. */
const FILE_NAME = /^[^\u0000-\u001f\ufffd]*\.\d{6,}$/;
/** Behind the magic number of a file. */
const FIRST_OFFSET = 4;

export function parseRotateEvent(bytes: Uint8Array, from: number, to: number): RotateEvent {
  const r = new ByteReader(bytes, from, to);
  const offset = Number(r.u64());
  const file = r.text(r.left);
  if (!FILE_NAME.test(file) || offset < FIRST_OFFSET)
    throw corrupt(`a ROTATE event names ${JSON.stringify(file)}:${offset}`);
  return { file, offset };
}

/** XID: the number of the transaction, which means something to its server only. */
export function checkXid(from: number, to: number): void {
  if (to - from !== 8) throw corrupt(`an XID event has ${to - from} bytes`);
}

/** XA_PREPARE: one byte that says whether the transaction commits in this one phase, and the name of it. */
export function isOnePhaseXa(bytes: Uint8Array, from: number, to: number): boolean {
  const r = new ByteReader(bytes, from, to);
  const isOnePhase = r.u8() === 1;
  r.skip(4);
  const nameBytes = r.uint(4) + r.uint(4);
  if (nameBytes !== r.left)
    throw corrupt(`an XA_PREPARE event has ${r.left} bytes of a name of ${nameBytes}`);
  return isOnePhase;
}
