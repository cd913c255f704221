/**
 * GTID_TAGGED_LOG events (MySQL 8.3 and later), which take the place of a GTID event when the GTID has a tag. Their
 * body is a message of MySQL's `libs/mysql/serialization`: its version, its size, the number of fields that a reader
 * must know, then fields, each behind its number, in ascending order; one that has its usual value is left out. The
 * fields are listed in `Gtid_event::define_fields` of `libs/mysql/binlog/event/control_events.h`.
 *
 * An integer has as many bytes behind its first one as that has ones at its low end; the rest of its bits are the
 * value, the lowest first. A signed one has its sign in the lowest bit of the value.
 */
import { syncError } from "../types/errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { uuidText, type GtidEvent } from "./binlog-event.ts";
import { corrupt } from "./corrupt.ts";

const FIELD = { flags: 0, uuid: 1, number: 2, tag: 3, immediateUs: 6, originalUs: 7, last: 11 } as const;
const VERSION = 1n;
const UUID_BYTES = 16;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;

export function parseTaggedGtidEvent(bytes: Uint8Array, from: number, to: number): GtidEvent {
  const head = new ByteReader(bytes, from, to);
  const version = readInteger(head);
  const size = readInteger(head);
  if (version !== VERSION) throw unreadable(`version ${version}`);
  if (size !== BigInt(to - from))
    throw corrupt(`a tagged GTID event of ${to - from} bytes has ${size} bytes`);
  const r = new ByteReader(bytes, from, from + Number(size));
  r.skip(head.position - from);
  const needed = readInteger(r);
  if (needed > BigInt(FIELD.last) + 1n) throw unreadable(`a field ${needed - 1n} that has to be known`);
  let uuid: string | null = null;
  let number = 0n;
  let tag = "";
  const times = new Map<number, bigint>();
  while (r.left > 0) {
    const field = Number(readInteger(r));
    if (field > FIELD.last) break;
    if (field === FIELD.uuid) uuid = uuidText(readBytes(r, UUID_BYTES));
    else if (field === FIELD.tag) tag = r.text(Number(readInteger(r)));
    else if (field === FIELD.number) number = readSigned(r);
    else times.set(field, readInteger(r));
  }
  if (uuid === null || number < 1n || !TAG.test(tag)) {
    throw corrupt(
      `a tagged GTID event has the GTID ${uuid ?? "without server"}:${JSON.stringify(tag)}:${number}`,
    );
  }
  const commitUs = times.get(FIELD.originalUs) ?? times.get(FIELD.immediateUs);
  if (commitUs === undefined) throw corrupt("a tagged GTID event has no commit time");
  return { origin: `${uuid}:${tag}`, number, commitUs: Number(commitUs) };
}

function readInteger(r: ByteReader): bigint {
  const first = r.u8();
  let more = 0;
  while (more < 8 && (first >> more) % 2 === 1) more++;
  if (more === 8) return r.u64();
  const low = BigInt(first >> (more + 1));
  return more === 0 ? low : low | (readRest(r, more) << BigInt(7 - more));
}

function readRest(r: ByteReader, count: number): bigint {
  return count <= 4 ? BigInt(r.uint(count)) : BigInt(r.uint(4)) | (BigInt(r.uint(count - 4)) << 32n);
}

function readSigned(r: ByteReader): bigint {
  const value = readInteger(r);
  return value % 2n === 0n ? value / 2n : -(value / 2n) - 1n;
}

/** An array of bytes, each written as an integer. */
function readBytes(r: ByteReader, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => Number(readInteger(r)));
}

const unreadable = (what: string): Error =>
  syncError("BINLOG_GTID", `the binlog holds a tagged GTID with ${what}`, {
    hint: "it comes from a newer server than this version knows: set gtid_next to AUTOMATIC without a tag, then take the snapshot again",
  });
