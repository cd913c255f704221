import { describe, expect, test } from "vitest";
import { decodeBatch, readBatches } from "../../../../src/channel/kafka/record-read.ts";
import { must } from "../../../../src/util/assert.ts";
import { recordsOf } from "../../../support/kafka-records.ts";
import {
  ALL,
  bytesOf,
  changed,
  corrupt,
  decoded,
  failure,
  JAVA,
  JAVA_MEANING,
  readOne,
  SOURCE,
  withPayload,
} from "../../../support/stored-batches.ts";

describe("batches of the Java client", () => {
  test.each(["none", "gzip", "lz4", "zstd"] as const)("%s", async (codec) => {
    const batch = readOne(bytesOf(JAVA[codec]));
    expect(batch).toMatchObject({
      place: { topic: "t", partition: 3, offset: 100 },
      baseOffset: 100,
      lastOffset: 103,
      producer: { id: "7000000000", epoch: 5 },
      isTransactional: true,
      control: null,
      baseTimestampMs: 1_700_000_000_000,
      maxTimestampMs: 1_700_000_000_005,
      isLogAppendTime: false,
      count: 4,
    });
    const block = await decodeBatch(batch, ALL);
    expect(recordsOf(block)).toEqual(JAVA_MEANING);
    expect([...block.offsets]).toEqual([100, 101, 102, 103]);
    expect(block.producer).toEqual({ id: "7000000000", epoch: 5 });
  });

  test("F200: snappy is refused by name, once its records are asked for", async () => {
    const batch = readOne(bytesOf(JAVA.snappy));
    expect(await failure(() => decodeBatch(batch, ALL))).toMatchObject({
      code: "KAFKA_CODEC",
      message: expect.stringContaining("snappy") as string,
    });
  });

  test("control batches tell their type and are decoded for nobody", async () => {
    const batches = readBatches(bytesOf(JAVA.abort, JAVA.commit, JAVA.empty, JAVA.emptyControl), SOURCE);
    expect(batches.map(({ baseOffset, lastOffset, control }) => [baseOffset, lastOffset, control])).toEqual([
      [200, 200, "abort"],
      [201, 201, "commit"],
      [300, 304, null],
      [305, 305, "other"],
    ]);
    await expect(decodeBatch(must(batches[0], "the marker"), ALL)).rejects.toThrow("control batch");
  });

  test("control batches of other types are no end of a transaction", () => {
    for (const [type, control] of [
      [2, "other"],
      [77, "other"],
      [-1, "other"],
      [1, "commit"],
    ] as const) {
      const bytes = changed(JAVA.abort, (b) => b.writeInt16BE(type, 68));
      expect(readOne(bytes).control).toBe(control);
    }
  });

  test("an empty batch has no record and moves the offset", async () => {
    const batch = readOne(bytesOf(JAVA.empty));
    expect(batch).toMatchObject({ baseOffset: 300, lastOffset: 304, count: 0 });
    expect(await decodeBatch(batch, ALL)).toMatchObject({
      count: 0,
      producer: { id: "7000000000", epoch: 5 },
    });
  });

  test("the formats of before 0.11 are refused by name", async () => {
    for (const version of ["v0", "v1"] as const) {
      expect(await failure(() => readBatches(bytesOf(JAVA[version]), SOURCE))).toMatchObject({
        code: "KAFKA_CODEC",
        message: `the records of topic "t", partition 3, offset 0 are in message format ${version}, which is not read`,
      });
    }
  });
});

describe("a response", () => {
  const three = bytesOf(JAVA.none, JAVA.abort, JAVA.commit);

  test("without bytes has no batch", () => {
    expect(readBatches(new Uint8Array(0), SOURCE)).toEqual([]);
  });

  test("may begin anywhere in a buffer", async () => {
    const moved = Buffer.concat([Buffer.alloc(7, 0xff), three, Buffer.alloc(7, 0xff)]).subarray(7, -7);
    const batches = readBatches(moved, SOURCE);
    expect(batches).toHaveLength(3);
    expect(recordsOf(await decodeBatch(must(batches[0], "the batch"), ALL))).toEqual(JAVA_MEANING);
  });

  test("cut off at any byte has the batches that are whole, and needs one", async () => {
    const ends = [JAVA.none, JAVA.abort, JAVA.commit].map((hex) => hex.length / 2);
    const [first, second] = ends as [number, number, number];
    for (let length = 1; length < three.length; length++) {
      const cut = three.subarray(0, length);
      if (length < first) {
        expect(await failure(() => readBatches(cut, SOURCE))).toEqual(
          expect.objectContaining({
            code: "KAFKA_RECORD_CORRUPT",
            message: expect.stringMatching(`none is whole in ${length} bytes`) as string,
          }),
        );
        continue;
      }
      const batches = readBatches(cut, SOURCE);
      expect(batches.map(({ baseOffset }) => baseOffset)).toEqual(
        length < first + second ? [100] : [100, 200],
      );
      expect(recordsOf(await decodeBatch(must(batches[0], "the batch"), ALL))).toEqual(JAVA_MEANING);
    }
  });

  test("has its offsets in order", async () => {
    expect(await failure(() => readBatches(bytesOf(JAVA.abort, JAVA.none), SOURCE))).toMatchObject(
      corrupt("the one before it ends at offset 200"),
    );
    expect(await failure(() => readBatches(bytesOf(JAVA.abort, JAVA.abort), SOURCE))).toMatchObject(
      corrupt("the one before it ends at offset 200", 200),
    );
  });

  test("has offsets that are whole numbers below 2^53", async () => {
    const far = changed(JAVA.none, (b) => b.writeBigInt64BE(2n ** 53n - 4n));
    expect(readOne(far)).toMatchObject({ baseOffset: 2 ** 53 - 4, lastOffset: 2 ** 53 - 1 });
    for (const offset of [-1n, 2n ** 53n - 3n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      const bytes = changed(JAVA.none, (b) => b.writeBigInt64BE(offset));
      expect(await failure(() => readBatches(bytes, SOURCE))).toMatchObject({
        code: "KAFKA_RECORD_CORRUPT",
        message: expect.stringContaining(`it goes from offset ${offset} to ${offset + 3n}`) as string,
      });
    }
  });

  test("tells producers without an id, and the broker's time", () => {
    const bytes = changed(JAVA.none, (b) => {
      b.writeInt16BE(0x08, 21);
      b.writeBigInt64BE(-1n, 43);
      b.writeInt16BE(-1, 51);
    });
    expect(readOne(bytes)).toMatchObject({
      producer: { id: "-1", epoch: -1 },
      isTransactional: false,
      isLogAppendTime: true,
    });
  });
});

describe("records", () => {
  test("before the wanted offset are left out", async () => {
    for (const codec of ["none", "lz4"] as const) {
      const batch = readOne(bytesOf(JAVA[codec]));
      for (const from of [0, 99, 100, 101, 102, 103, 104, 1000]) {
        const block = await decodeBatch(batch, { ...ALL, from });
        const skipped = Math.min(Math.max(from - 100, 0), 4);
        expect(recordsOf(block)).toEqual(JAVA_MEANING.slice(skipped));
        expect([...block.offsets]).toEqual([100, 101, 102, 103].slice(skipped));
      }
    }
  });

  test("may have gaps in their offsets, which compaction leaves", async () => {
    // The distances of the last two records: 2 becomes 5, and 3 becomes 9.
    const bytes = changed(JAVA.none, (b) => {
      b.writeInt32BE(9, 23);
      b[61 + 29 + 27 + 3] = 10;
      b[61 + 29 + 27 + 11 + 4] = 18;
    });
    const batch = readOne(bytes);
    expect(batch.lastOffset).toBe(109);
    expect([...(await decodeBatch(batch, ALL)).offsets]).toEqual([100, 101, 105, 109]);
  });

  test("in the wrong order, or behind the end of their batch, are refused", async () => {
    const second = 61 + 29 + 3;
    for (const [delta, what] of [
      [0, "record 1 stands 0 offsets behind the first"],
      [1, "record 1 stands -1 offsets behind the first"],
      [8, "record 1 stands 4 offsets behind the first"],
    ] as const) {
      const bytes = changed(JAVA.none, (b) => (b[second] = delta));
      expect(await failure(() => decoded(bytes))).toMatchObject(corrupt(what));
    }
    expect(await failure(() => decoded(changed(JAVA.none, (b) => (b[second] = 4))))).toMatchObject(
      corrupt("record 2 stands 2 offsets behind the first"),
    );
  });

  test("of several headers of our name have the last", async () => {
    const name = "1274616c6c796c616b65";
    const record = bytesOf("40000000010104", name, "0461", "62", name, "046364");
    expect(recordsOf(await decoded(withPayload(record, 1)))).toEqual([
      { key: null, value: null, header: "cd" },
    ]);
    const none = bytesOf("3c000000010104", name, "0461", "62", name, "01");
    expect(recordsOf(await decoded(withPayload(none, 1)))).toEqual([
      { key: null, value: null, header: null },
    ]);
  });

  test("with headers of nearly our name have none", async () => {
    for (const name of ["1274616c6c796c616b66", "1074616c6c796c616b", "1474616c6c796c616b6565"]) {
      const record = bytesOf("000000010102", name, "0461", "62");
      const sized = Buffer.concat([Buffer.from([record.length * 2]), record]);
      expect(recordsOf(await decoded(withPayload(sized, 1)))).toEqual([
        { key: null, value: null, header: null },
      ]);
    }
  });
});
