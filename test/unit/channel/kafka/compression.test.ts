import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codecOf, compress, decompress } from "../../../../src/channel/kafka/compression.ts";
import { COMPRESSIONS } from "../../../../src/channel/kafka/driver.ts";
import { lz4FrameSize } from "../../../../src/channel/kafka/lz4-frame.ts";
import { isSyncError } from "../../../../src/types/errors.ts";

const place = { topic: "t", partition: 3, offset: 17 };
const within = (bytesMax: number) => ({ bytesMax, place });
const MILLION = 1_000_000;
const rows = Buffer.from(
  Array.from({ length: 3000 }, (_, i) => `{"id":${i},"name":"row ${i * 7}"}`).join(""),
);

async function failure(work: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await work;
  } catch (error) {
    if (isSyncError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("codecs have the numbers of Kafka's format", () => {
  expect(COMPRESSIONS.map(codecOf)).toEqual([0, 1, 3, 4]);
});

test.each(COMPRESSIONS)(
  "K15: %s gives back what it got, alone and inside of a larger buffer",
  async (compression) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(2000), async (piece, times) => {
        const whole = Buffer.concat(Array.from({ length: times }, () => piece));
        const packed = Buffer.concat([
          Buffer.from("..."),
          await compress(compression, whole),
          Buffer.from("..."),
        ]);
        const bytes = await decompress(
          codecOf(compression),
          packed.subarray(3, -3),
          within(whole.length + 1),
        );
        expect(Buffer.compare(bytes, whole)).toBe(0);
      }),
      { numRuns: 50 },
    );
  },
);

const PACKERS = ["gzip", "lz4", "zstd"] as const;

describe.each(PACKERS)("%s", (compression) => {
  const codec = codecOf(compression);

  test("makes rows smaller", async () => {
    expect((await compress(compression, rows)).length).toBeLessThan(rows.length / 3);
  });

  test("K16: takes an output of just the limit and none beyond, however small its input", async () => {
    const bomb = await compress(compression, Buffer.alloc(20 * MILLION));
    expect(bomb.length).toBeLessThan(100_000);
    for (const bytesMax of [1, MILLION, 20 * MILLION - 1]) {
      expect(await failure(decompress(codec, bomb, within(bytesMax)))).toMatchObject({
        code: "KAFKA_RECORD_CORRUPT",
        message: `the record batch of topic "t", partition 3, offset 17 is damaged: it decompresses to more than ${bytesMax} bytes`,
      });
    }
    expect((await decompress(codec, bomb, within(20 * MILLION))).length).toBe(20 * MILLION);
    // The limit is of the content, not of the blocks in which it may stand.
    const packed = await compress(compression, rows);
    expect(Buffer.compare(await decompress(codec, packed, within(rows.length)), rows)).toBe(0);
    expect(await failure(decompress(codec, packed, within(rows.length - 1)))).toMatchObject({
      code: "KAFKA_RECORD_CORRUPT",
    });
  });

  test("cut off at any byte it is an error", async () => {
    const packed = await compress(compression, rows.subarray(0, 1000));
    for (let length = 0; length < packed.length; length++) {
      expect(await failure(decompress(codec, packed.subarray(0, length), within(MILLION)))).toMatchObject({
        code: "KAFKA_RECORD_CORRUPT",
      });
    }
  });

  test("bytes of something else are an error", async () => {
    for (const bytes of [rows, Buffer.alloc(100), Buffer.from(gzipSync(rows)).fill(0xff, 10)]) {
      expect(await failure(decompress(codec, bytes, within(MILLION)))).toMatchObject({
        code: "KAFKA_RECORD_CORRUPT",
      });
    }
  });

  test("damaged bytes are an error or as long as they say, never more", async () => {
    const packed = await compress(compression, rows.subarray(0, 2000));
    for (let i = 0; i < packed.length; i++) {
      const damaged = Buffer.from(packed);
      damaged[i] = (damaged[i] as number) ^ 0x5a;
      const length = await decompress(codec, damaged, within(2000)).then(
        (bytes) => bytes.length,
        (error: unknown) => {
          expect(isSyncError(error, "KAFKA_RECORD_CORRUPT")).toBe(true);
          return 0;
        },
      );
      expect(length).toBeLessThanOrEqual(2000);
    }
  });
});

test("snappy and codecs that nobody knows are refused by name", async () => {
  expect(await failure(decompress(2, rows, within(MILLION)))).toMatchObject({
    code: "KAFKA_CODEC",
    message:
      'the record batch of topic "t", partition 3, offset 17 is compressed with snappy, which is not read',
    hint: expect.stringContaining("compression.type") as string,
  });
  for (const codec of [5, 6, 7]) {
    expect(await failure(decompress(codec, rows, within(MILLION)))).toMatchObject({
      code: "KAFKA_CODEC",
      message: expect.stringContaining(`codec ${codec}`) as string,
    });
  }
});

test("a long zstd frame that does not tell its length is read in steps", async () => {
  const long = Buffer.concat(Array.from({ length: 200 }, () => rows));
  const packed = zstdCompressSync(long);
  expect(Buffer.compare(await decompress(codecOf("zstd"), packed, within(long.length)), long)).toBe(0);
});

describe("the size of an LZ4 frame", () => {
  const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

  test("counts blocks that stand as they are and blocks that repeat", async () => {
    const stored = hex("04224d18 6040 82 03000080 616263 00000000");
    expect(lz4FrameSize(stored, 3)).toBe("within");
    expect(lz4FrameSize(stored, 2)).toBe("beyond");
    // One literal and 19 + 255 + 7 repetitions of it, then five literals.
    const repeated = hex("04224d18 6040 82 0c000000 1f61 0100 ff07 50 7878787878 00000000");
    expect((await decompress(3, repeated, within(1000))).length).toBe(287);
    expect(lz4FrameSize(repeated, 287)).toBe("within");
    expect(lz4FrameSize(repeated, 286)).toBe("beyond");
  });

  test("is no more than its blocks may be long, to which the library holds them", async () => {
    // A block that says it is of 64 kB and repeats a byte a million times.
    const block = Buffer.concat([hex("1f61 0100"), Buffer.alloc(4000, 0xff), hex("07 50 7878787878")]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    const frame = Buffer.concat([hex("04224d18 6040 82"), length, block, hex("00000000")]);
    expect(lz4FrameSize(frame, 65_536)).toBe("within");
    expect(await failure(decompress(3, frame, within(65_536)))).toMatchObject({
      code: "KAFKA_RECORD_CORRUPT",
    });
  });

  test("passes over checksums and a size in the header", () => {
    expect(
      lz4FrameSize(hex("04224d18 7c40 0300000000000000 82 03000080 616263 eeeeeeee 00000000 eeeeeeee"), 3),
    ).toBe("within");
  });

  test("is not told of frames with a dictionary, of two frames, and of other things", () => {
    for (const text of [
      "",
      "04224d18",
      "02214c18 6040 82 00000000",
      "04224d18 6140 ee000000 00",
      "04224d18 6140 eeeeeeee 82 00000000",
      "04224d18 6040 82",
      "04224d18 6040 82 04000080 616263 00000000",
      "04224d18 6040 82 ffffffff 616263 00000000",
      "04224d18 6040 82 03000080 616263 00000000 04224d18 6040 82 00000000",
    ]) {
      expect(lz4FrameSize(hex(text), 1000), text).toBe("malformed");
    }
  });
});
