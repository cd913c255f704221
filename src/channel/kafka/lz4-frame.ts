/**
 * Whether the content of an LZ4 frame stays within a limit, told without decompressing it: the library has no limit
 * of its own, and takes a frame that is cut off between two blocks for a whole one.
 */
const MAGIC = 0x184d2204;
const HEADER_BYTES_MIN = 7;
const BLOCK_HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
const CONTENT_SIZE_BYTES = 8;
/** Set in a block's length when its bytes stand as they are. */
const STORED = 0x80000000;
const FLAG = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 };
const MATCH_BYTES_MIN = 4;
/** No byte of a block stands for more than so many of its content. */
const EXPANSION_MAX = 255;

interface Block {
  readonly from: number;
  readonly to: number;
  readonly isStored: boolean;
}

interface Frame {
  readonly blocks: readonly Block[];
  readonly blockBytesMax: number;
}

export type FrameSize = "within" | "beyond" | "malformed";

export function lz4FrameSize(bytes: Uint8Array, contentBytesMax: number): FrameSize {
  const frame = readFrame(bytes);
  if (frame === null) return "malformed";
  // What a block may hold at most is known at once; what it does hold takes as long as a third of decompressing it.
  if (sum(frame.blocks, (block) => blockBound(block, frame)) <= contentBytesMax) return "within";
  return sum(frame.blocks, (block) => blockContent(bytes, block)) <= contentBytesMax ? "within" : "beyond";
}

const sum = (blocks: readonly Block[], size: (block: Block) => number): number =>
  blocks.reduce((total, block) => total + size(block), 0);

/** Null for anything but one frame from the first to the last byte. */
function readFrame(bytes: Uint8Array): Frame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES_MIN || view.getUint32(0, true) !== MAGIC) return null;
  const flags = view.getUint8(4);
  if ((flags & FLAG.dictionary) !== 0) return null;
  const blockTail = (flags & FLAG.blockChecksum) === 0 ? 0 : CHECKSUM_BYTES;
  const frameTail = (flags & FLAG.contentChecksum) === 0 ? 0 : CHECKSUM_BYTES;
  const blocks: Block[] = [];
  let p = HEADER_BYTES_MIN + ((flags & FLAG.contentSize) === 0 ? 0 : CONTENT_SIZE_BYTES);
  while (p + BLOCK_HEADER_BYTES <= bytes.length) {
    const word = view.getUint32(p, true);
    p += BLOCK_HEADER_BYTES;
    if (word === 0) {
      // Four sizes: 64 kB for 4 up to 4 MB for 7.
      const blockBytesMax = 2 ** (8 + 2 * ((view.getUint8(5) >> 4) & 7));
      return p + frameTail === bytes.length ? { blocks, blockBytesMax } : null;
    }
    const to = p + (word % STORED);
    blocks.push({ from: p, to, isStored: word >= STORED });
    p = to + blockTail;
  }
  return null;
}

function blockBound({ from, to, isStored }: Block, { blockBytesMax }: Frame): number {
  return isStored ? to - from : Math.min(blockBytesMax, (to - from) * EXPANSION_MAX);
}

/** A block is a list of sequences: bytes as they are, and then the length of a repetition. */
function blockContent(bytes: Uint8Array, { from, to, isStored }: Block): number {
  if (isStored) return to - from;
  let content = 0;
  let p = from;
  while (p < to) {
    const token = bytes[p++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && p < to) literals += more = bytes[p++] as number;
    }
    p += literals;
    content += literals;
    if (p >= to) break;
    p += 2;
    let match = token & 15;
    if (match === 15) {
      let more = 255;
      while (more === 255 && p < to) match += more = bytes[p++] as number;
    }
    content += match + MATCH_BYTES_MIN;
  }
  return content;
}
