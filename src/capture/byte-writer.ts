/**
 * A growing byte buffer and the few ways in which canonical values are written into it: JSON strings from
 * UTF-8 or single-byte character sets, and base64; digits are in `digits.ts`. Both codecs end here, the one for binlog
 * rows (`row-decode.ts`) and the one for snapshot rows (`snapshot-codec.ts`), so that a value has one text.
 *
 * The hot functions take the writer and a position, make room themselves, and return the new position. A
 * caller that holds `writer.bytes` or `writer.view` in a local must read it again after any of them.
 */
const COMMA_QUOTES = { quote: 0x22, backslash: 0x5c };
const HEX = Buffer.from("0123456789abcdef");
const BASE64 = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/** Windows-1252, which is what MySQL calls latin1; its five holes map to the C1 control of the same number. */
const CP1252_HIGH = [
  0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,
  0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
  0x0153, 0x9d, 0x017e, 0x0178,
];

export class ByteWriter {
  bytes: Uint8Array;
  /** The same memory, for storing several bytes at once. */
  view: DataView;
  position = 0;

  constructor(capacity = 1 << 16) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Room for `count` bytes behind `position`; what lies before it is kept. */
  reserve(position: number, count: number): void {
    const needed = position + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, position));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Begins again in new memory. */
  renew(capacity: number): void {
    this.renewIn(Buffer.allocUnsafeSlow(capacity));
  }

  /** Begins again in this memory, whose first byte is that of its buffer. */
  renewIn(memory: Uint8Array): void {
    this.bytes = memory;
    this.view = new DataView(this.bytes.buffer);
    this.position = 0;
  }

  /** The bytes written so far, shared with the writer until the next `reserve`. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.position);
  }
}

/** Longest text that may get the room of its worst case, which is six bytes for each of its own. */
const COUNTED_FROM = 1 << 16;

/** Room for the JSON string of these bytes; `high` is the most that a byte from 0x80 on becomes. */
function stringRoom(source: Uint8Array, from: number, to: number, high: 1 | 3): number {
  const length = to - from;
  if (length < COUNTED_FROM) return length * 6 + 2;
  let room = length + 2;
  for (let i = from; i < to; i++) {
    const c = source[i] as number;
    if (c >= 0x80) room += high - 1;
    else if (c < 0x20) room += 5;
    else if (c === 0x22 || c === 0x5c) room++;
  }
  return room;
}

/** `"…"` of UTF-8 bytes, escaped as JSON demands. */
export function writeJsonString(
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  w.reserve(at, stringRoom(source, from, to, 1));
  const out = w.bytes;
  let p = at;
  out[p++] = COMMA_QUOTES.quote;
  for (let i = from; i < to; i++) {
    const c = source[i] as number;
    if (c >= 0x20 && c !== 0x22 && c !== 0x5c) out[p++] = c;
    else p = writeEscape(out, p, c);
  }
  out[p++] = COMMA_QUOTES.quote;
  return p;
}

/** `"…"` of bytes in latin1 as MySQL means it. */
export function writeLatin1String(
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  w.reserve(at, stringRoom(source, from, to, 3));
  const out = w.bytes;
  let p = at;
  out[p++] = COMMA_QUOTES.quote;
  for (let i = from; i < to; i++) {
    const c = source[i] as number;
    if (c < 0x80) {
      if (c >= 0x20 && c !== 0x22 && c !== 0x5c) out[p++] = c;
      else p = writeEscape(out, p, c);
      continue;
    }
    p = writeCp1252(out, p, c);
  }
  out[p++] = COMMA_QUOTES.quote;
  return p;
}

/** A byte of latin1 from 0x80 on as UTF-8, in two or three bytes. */
function writeCp1252(out: Uint8Array, at: number, c: number): number {
  const point = c < 0xa0 ? (CP1252_HIGH[c - 0x80] as number) : c;
  let p = at;
  if (point < 0x800) {
    out[p++] = 0xc0 | (point >> 6);
  } else {
    out[p++] = 0xe0 | (point >> 12);
    out[p++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[p++] = 0x80 | (point & 0x3f);
  return p;
}

/** Copies all of a short text into room that was made; gives the position behind it. */
export function copyBytes(out: Uint8Array, at: number, text: Uint8Array): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text[i] as number;
  return at + text.length;
}

/** Longest piece that is copied byte by byte: a call into the engine costs as much as some fifty of them. */
const LOOP_BYTES_MAX = 48;

/** Bytes as they are. */
export function writeBytes(w: ByteWriter, at: number, source: Uint8Array, from: number, to: number): number {
  const length = to - from;
  w.reserve(at, length);
  const out = w.bytes;
  if (length > LOOP_BYTES_MAX) out.set(source.subarray(from, to), at);
  else for (let i = 0; i < length; i++) out[at + i] = source[from + i] as number;
  return at + length;
}

/** Bytes in latin1 as MySQL means it, as UTF-8. */
export function writeLatin1(w: ByteWriter, at: number, source: Uint8Array, from: number, to: number): number {
  w.reserve(at, stringRoom(source, from, to, 3));
  const out = w.bytes;
  let p = at;
  for (let i = from; i < to; i++) {
    const c = source[i] as number;
    if (c < 0x80) out[p++] = c;
    else p = writeCp1252(out, p, c);
  }
  return p;
}

function writeEscape(out: Uint8Array, at: number, c: number): number {
  let p = at;
  out[p++] = COMMA_QUOTES.backslash;
  switch (c) {
    case 0x22:
    case 0x5c:
      out[p++] = c;
      return p;
    case 0x0a:
      out[p++] = 0x6e;
      return p;
    case 0x0d:
      out[p++] = 0x72;
      return p;
    case 0x09:
      out[p++] = 0x74;
      return p;
    default:
      out[p++] = 0x75;
      out[p++] = 0x30;
      out[p++] = 0x30;
      out[p++] = HEX[c >> 4] as number;
      out[p++] = HEX[c & 15] as number;
      return p;
  }
}

/** `"…"` of base64 with padding; `zeros` zero bytes are taken to follow the source (BINARY columns are padded). */
export function writeBase64(
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
  zeros = 0,
): number {
  const length = to - from + zeros;
  w.reserve(at, Math.ceil(length / 3) * 4 + 2);
  const out = w.bytes;
  let p = at;
  out[p++] = COMMA_QUOTES.quote;
  for (let i = 0; i < length; i += 3) {
    const a = from + i < to ? (source[from + i] as number) : 0;
    const b = from + i + 1 < to ? (source[from + i + 1] as number) : 0;
    const c = from + i + 2 < to ? (source[from + i + 2] as number) : 0;
    out[p++] = BASE64[a >> 2] as number;
    out[p++] = BASE64[((a & 3) << 4) | (b >> 4)] as number;
    out[p++] = i + 1 < length ? (BASE64[((b & 15) << 2) | (c >> 6)] as number) : 0x3d;
    out[p++] = i + 2 < length ? (BASE64[c & 63] as number) : 0x3d;
  }
  out[p++] = COMMA_QUOTES.quote;
  return p;
}

/** Characters of an ASCII string, as they are. */
export function writeAscii(w: ByteWriter, at: number, text: string): number {
  w.reserve(at, text.length);
  const out = w.bytes;
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}
