/**
 * Events as MariaDB writes them, made those that MySQL writes. Row events are of the first version, which has no
 * room for extra data. With `log_bin_compress` a statement, or the row images of an event, are packed by zlib behind a
 * byte that says how, and the size of what was packed; layout: `binlog_buf_compress` in its `sql/log_event.cc`.
 */
import { inflateSync } from "node:zlib";
import { messageOf } from "../../util/errors.ts";
import { ByteReader } from "../byte-reader.ts";
import { EVENT, type EventHeader } from "../binlog-event.ts";
import { corrupt } from "../corrupt.ts";

export interface PlainEvent {
  readonly bytes: Uint8Array;
  readonly header: EventHeader;
}

/** What an event is, by its type, when it is one that only MariaDB writes. */
interface Form {
  readonly type: number;
  readonly isV1: boolean;
  readonly isPacked: boolean;
}

const FORMS: ReadonlyMap<number, Form> = new Map([
  [EVENT.writeRowsV1, { type: EVENT.writeRows, isV1: true, isPacked: false }],
  [EVENT.updateRowsV1, { type: EVENT.updateRows, isV1: true, isPacked: false }],
  [EVENT.deleteRowsV1, { type: EVENT.deleteRows, isV1: true, isPacked: false }],
  [EVENT.queryPacked, { type: EVENT.query, isV1: false, isPacked: true }],
  [EVENT.writeRowsV1Packed, { type: EVENT.writeRows, isV1: true, isPacked: true }],
  [EVENT.updateRowsV1Packed, { type: EVENT.updateRows, isV1: true, isPacked: true }],
  [EVENT.deleteRowsV1Packed, { type: EVENT.deleteRows, isV1: true, isPacked: true }],
  [EVENT.writeRowsPacked, { type: EVENT.writeRows, isV1: false, isPacked: true }],
  [EVENT.updateRowsPacked, { type: EVENT.updateRows, isV1: false, isPacked: true }],
  [EVENT.deleteRowsPacked, { type: EVENT.deleteRows, isV1: false, isPacked: true }],
]);

/** The event as the assembler knows it; null for one that is so already. */
export function plainEvent(bytes: Uint8Array, header: EventHeader): PlainEvent | null {
  const form = FORMS.get(header.type);
  if (form === undefined) return null;
  const { type, isV1, isPacked } = form;
  if (!isPacked) return { bytes, header: { ...header, type, isV1 } };
  const { bodyStart, bodyEnd } = header;
  const packedAt = type === EVENT.query ? statementAt(bytes, header) : imagesAt(bytes, header, form);
  const unpacked = unpack(bytes.subarray(packedAt, bodyEnd));
  const plain = Buffer.concat([bytes.subarray(bodyStart, packedAt), unpacked]);
  return { bytes: plain, header: { ...header, type, isV1, bodyStart: 0, bodyEnd: plain.length } };
}

function statementAt(bytes: Uint8Array, { bodyStart, bodyEnd }: EventHeader): number {
  const r = new ByteReader(bytes, bodyStart, bodyEnd);
  r.skip(8);
  const databaseBytes = r.u8();
  r.skip(2);
  r.skip(r.u16());
  r.skip(databaseBytes + 1);
  return r.position;
}

function imagesAt(bytes: Uint8Array, { bodyStart, bodyEnd }: EventHeader, { type, isV1 }: Form): number {
  const r = new ByteReader(bytes, bodyStart, bodyEnd);
  r.skip(8);
  if (!isV1) r.skip(r.u16() - 2);
  const columns = r.packedLength();
  r.skip(((columns + 7) >> 3) * (type === EVENT.updateRows ? 2 : 1));
  return r.position;
}

const PACKED = 0x80;
const ALGORITHM = 0x70;
/** The server holds an event in one packet, and that is the largest one there can be. */
const SIZE_MAX = 1 << 30;

/** An event is packed alone, and is no larger than the server would have sent it. */
function unpack(packed: Uint8Array): Uint8Array {
  const r = new ByteReader(packed, 0, packed.length);
  const how = r.u8();
  const sizeBytes = how & 0x07;
  if ((how & PACKED) === 0 || (how & ALGORITHM) !== 0 || sizeBytes < 1 || sizeBytes > 4)
    throw corrupt(`a compressed event begins with the byte ${how}`);
  let size = 0;
  for (const byte of r.take(sizeBytes)) size = size * 256 + byte;
  if (size > SIZE_MAX) throw corrupt(`a compressed event says that it has ${size} bytes`);
  let unpacked: Uint8Array;
  try {
    unpacked = inflateSync(packed.subarray(r.position), { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw corrupt(`a compressed event cannot be unpacked: ${messageOf(error)}`, error);
  }
  if (unpacked.length !== size)
    throw corrupt(`a compressed event has ${unpacked.length} bytes, and says ${size}`);
  return unpacked;
}
