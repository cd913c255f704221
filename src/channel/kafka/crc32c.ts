/**
 * CRC-32C (Castagnoli), the checksum of record batches.
 *
 * Long inputs are folded first, 64 bits at a time. A CRC is the remainder of a division of polynomials, so words
 * may be added (XOR) to later places of the input as long as a multiple of the divisor comes out:
 *
 *   x^209 + x^144 + x^54 + x^39 + x^14 + 1    is a multiple of CRC-32C's polynomial, and so, all squares being
 *   linear here, is the same with every exponent times 64.
 *
 * Each word of the input is therefore as good as that word added to the places 65, 155, 170, 195 and 209 words
 * later, and all but the last 209 words go away without any look-up. It is the lightest multiple that is so short:
 * there is none with fewer terms below x^5275. What stays is divided by tables, eight bytes at a time.
 */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** One table after another; a single array, whose length the compiler knows, is read without a check of bounds. */
const TABLES = makeTables();

/** How far behind a word its copies go. The loop of `foldChunk` has them as constants. */
const DISTANCES = [65, 155, 170, 195, 209] as const;
const WORD_BYTES = 8;
const TAIL_WORDS = 209;
const RING_MASK = 255;
const CHUNK_WORDS = RING_MASK + 1;
/** Shorter inputs are not worth the tail. */
const FOLD_BYTES_MIN = 8192;

function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    tables[i] = c;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
}

/** The checksum of a range, unsigned. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (to - from < FOLD_BYTES_MIN) return ~slice(-1, view, from, to) >>> 0;
  // Words of 64 bits lie at multiples of 8 in their memory.
  const aligned = from + (-(bytes.byteOffset + from) & (WORD_BYTES - 1));
  const start = slice(-1, view, from, aligned);
  const words = new BigInt64Array(
    bytes.buffer,
    bytes.byteOffset + aligned,
    Math.floor((to - aligned) / WORD_BYTES),
  );
  const folded = CHUNK_WORDS * Math.floor((words.length - TAIL_WORDS) / CHUNK_WORDS);
  fold(words.subarray(0, folded), start);
  writeTail(words.subarray(folded, folded + TAIL_WORDS));
  const end = slice(0, tailView, 0, tailView.byteLength);
  return ~slice(end, view, aligned + (folded + TAIL_WORDS) * WORD_BYTES, to) >>> 0;
}

/** Brings a running checksum forward over a range. */
function slice(crc: number, view: DataView, from: number, to: number): number {
  const t = TABLES;
  let c = crc;
  let p = from;
  for (const end = to - 7; p < end; p += 8) {
    const x = c ^ view.getInt32(p, true);
    const y = view.getInt32(p + 4, true);
    c =
      (t[1792 + (x & 255)] as number) ^
      (t[1536 + ((x >>> 8) & 255)] as number) ^
      (t[1280 + ((x >>> 16) & 255)] as number) ^
      (t[1024 + (x >>> 24)] as number) ^
      (t[768 + (y & 255)] as number) ^
      (t[512 + ((y >>> 8) & 255)] as number) ^
      (t[256 + ((y >>> 16) & 255)] as number) ^
      (t[y >>> 24] as number);
  }
  for (; p < to; p++) c = (c >>> 8) ^ (t[(c ^ view.getUint8(p)) & 255] as number);
  return c;
}

/** The last words of the input so far, with what was added to them: the word of place i is in slot i % 256. */
const ring = new BigInt64Array(CHUNK_WORDS);
const head = new BigInt64Array(CHUNK_WORDS);
const headView = new DataView(head.buffer);
const tail = new BigInt64Array(TAIL_WORDS);
const tailView = new DataView(tail.buffer);

/** Folds whole chunks that a running checksum has come to. */
function fold(words: BigInt64Array, start: number): void {
  ring.fill(0n);
  // A running checksum is an addition to the next four bytes.
  head.set(words.subarray(0, CHUNK_WORDS));
  headView.setInt32(0, headView.getInt32(0, true) ^ start, true);
  foldChunk(head, 0);
  for (let i = CHUNK_WORDS; i < words.length; i += CHUNK_WORDS) foldChunk(words, i);
}

/**
 * The compiler does this in registers of 64 bits, since it goes from array to array. As long as it has not compiled
 * it, each word is an object; a short function is called often and compiled soon.
 */
function foldChunk(words: BigInt64Array, from: number): void {
  const r = ring;
  for (let i = 0; i < CHUNK_WORDS; i++) {
    r[i] =
      (words[from + i] as bigint) ^
      (r[(i - 65) & RING_MASK] as bigint) ^
      (r[(i - 155) & RING_MASK] as bigint) ^
      (r[(i - 170) & RING_MASK] as bigint) ^
      (r[(i - 195) & RING_MASK] as bigint) ^
      (r[(i - 209) & RING_MASK] as bigint);
  }
}

/** The words behind the last chunk, with what was added to them. */
function writeTail(words: BigInt64Array): void {
  tail.set(words);
  for (const distance of DISTANCES) addToTail(distance);
}

function addToTail(distance: number): void {
  for (let i = 0; i < distance; i++) {
    tail[i] = (tail[i] as bigint) ^ (ring[(i - distance) & RING_MASK] as bigint);
  }
}
