import { describe, expect, test } from "vitest";
import { formatBaseFileName, newFileId, parseBaseFileName } from "../../../src/lake/file-name.ts";

const FILE = "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-1_20260102031500000.parquet";

describe("a base file's name", () => {
  test("tells bucket, group, token and instant", () => {
    expect(parseBaseFileName(FILE)).toEqual({
      bucket: 3,
      fileId: "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0",
      writeToken: "3-0-1",
      instant: "20260102031500000",
    });
  });

  test("comes back from its parts", () => {
    const name = parseBaseFileName(FILE);
    expect(name === null ? null : formatBaseFileName(name)).toBe(FILE);
  });

  test.each([
    // A group of another index: no number in front.
    "1f6c0000a-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-1_20260102031500000.parquet",
    "d7bb1f6c-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-1_20260102031500000.parquet",
    // The shape that Hudi 1.x gives to groups of a non-blocking writer.
    "00000003-0000-0000-0000-000000000000_3-0-1_20260102031500000.parquet",
    "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-1_20260102031500.parquet",
    "00000003-1f6c-4c55-9d0e-7f3b2a9c1e42-0_3-0-1_20260102031500000.parquet.crc",
    "part-0.parquet",
  ])("is not %s", (name) => {
    expect(parseBaseFileName(name)).toBeNull();
  });

  test("begins, for a new group, with the bucket in place of the UUID's first digits", () => {
    expect(newFileId(12, "d7bb1f6c-4c55-4d0e-9f3b-2a9c1e420000")).toBe(
      "00000012-4c55-4d0e-9f3b-2a9c1e420000-0",
    );
  });
});
