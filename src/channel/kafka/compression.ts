/**
 * The codecs of record batches. Node's own zlib knows gzip and zstd; LZ4 comes from a library that is loaded when it
 * is first used, since it is machine code, which not every platform has. All of them work on other threads.
 *
 * On rows of JSON LZ4 leaves a fifth and zstd's lowest level an eighth, in about four thirds of the time; gzip's
 * lowest level leaves a seventh and takes twice as long as LZ4.
 */
import { promisify } from "node:util";
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
import { syncError } from "../../types/errors.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import type { Compression } from "./driver.ts";
import { lz4FrameSize } from "./lz4-frame.ts";
import { placeText, recordCorrupt, type BatchPlace } from "./record-corrupt.ts";

/** The lowest three bits of a batch's attributes. */
const CODEC = { none: 0, gzip: 1, lz4: 3, zstd: 4 } as const satisfies Record<Compression, number>;
const SNAPPY = 2;

const LEVEL = 1;
/** Zlib works in steps of this size, each of which is one more journey to another thread. */
const STEP_BYTES_MIN = 1 << 14;
const STEP_BYTES_MAX = 1 << 22;
const EXPECTED_RATIO = 8;

/** The part of the library that is used. It takes views, and gives memory of its own. */
interface Lz4 {
  compressFrame(data: Uint8Array): Promise<Uint8Array>;
  decompressFrame(data: Uint8Array): Promise<Uint8Array>;
}

export interface DecompressOptions {
  /** Longest output, at least 1: a few bytes can stand for any number of them. */
  readonly bytesMax: number;
  readonly place: BatchPlace;
}

export const codecOf = (compression: Compression): number => CODEC[compression];

export async function compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  const chunkSize = stepBytes(bytes.length);
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return await promisify(gzip)(bytes, { level: LEVEL, chunkSize });
    case "lz4":
      return await (await loadLz4()).compressFrame(bytes);
    case "zstd":
      return await promisify(zstdCompress)(bytes, {
        params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
        chunkSize,
      });
  }
}

export async function decompress(
  codec: number,
  bytes: Uint8Array,
  options: DecompressOptions,
): Promise<Uint8Array> {
  const { bytesMax: maxOutputLength, place } = options;
  const chunkSize = stepBytes(Math.min(bytes.length * EXPECTED_RATIO, maxOutputLength));
  switch (codec) {
    case CODEC.none:
      return bytes;
    case CODEC.gzip:
      return await guarded(promisify(gunzip)(bytes, { maxOutputLength, chunkSize }), options);
    case CODEC.lz4:
      return await decompressLz4(bytes, options);
    case CODEC.zstd:
      return await guarded(promisify(zstdDecompress)(bytes, { maxOutputLength, chunkSize }), options);
    default:
      throw refusedCodec(codec, place);
  }
}

async function decompressLz4(bytes: Uint8Array, options: DecompressOptions): Promise<Uint8Array> {
  const size = lz4FrameSize(bytes, options.bytesMax);
  if (size === "malformed") throw recordCorrupt(options.place, "its bytes are not one frame of LZ4");
  if (size === "beyond") throw tooLong(options);
  const lz4 = await loadLz4();
  return await guarded(lz4.decompressFrame(bytes), options);
}

const stepBytes = (bytes: number): number => Math.min(Math.max(bytes, STEP_BYTES_MIN), STEP_BYTES_MAX);

/** What a decompressor gives, or why not in words of ours. */
async function guarded(output: Promise<Uint8Array>, options: DecompressOptions): Promise<Uint8Array> {
  try {
    return await output;
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") throw tooLong(options);
    throw recordCorrupt(options.place, `it cannot be decompressed: ${messageOf(error)}`, error);
  }
}

const tooLong = ({ place, bytesMax }: DecompressOptions): Error =>
  recordCorrupt(place, `it decompresses to more than ${bytesMax} bytes`);

function refusedCodec(codec: number, place: BatchPlace): Error {
  const name = codec === SNAPPY ? "snappy" : `codec ${codec}`;
  return syncError(
    "KAFKA_CODEC",
    `the record batch of ${placeText(place)} is compressed with ${name}, which is not read`,
    {
      hint: "set `compression.type` of the topic to producer, uncompressed, gzip, lz4 or zstd, and let nobody else write to it",
    },
  );
}

let loading: Promise<Lz4> | null = null;

async function loadLz4(): Promise<Lz4> {
  loading ??= import("lz4-napi");
  try {
    return await loading;
  } catch (error) {
    loading = null;
    throw syncError("KAFKA_CODEC", `LZ4 is not there on this machine: ${messageOf(error)}`, {
      hint: "install the optional packages of `lz4-napi`, or take zstd, which is part of Node",
      cause: error,
    });
  }
}
