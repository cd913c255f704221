import { describe, expect, test } from "vitest";
import { FileSystemView, slicesDigest } from "../../../src/lake/file-system-view.ts";

const A = "00000000-1f6c-4c55-9d0e-7f3b2a9c1e42-0";
const B = "00000001-1f6c-4c55-9d0e-7f3b2a9c1e42-0";
const file = (fileId: string, instant: string): string => `${fileId}_0-0-0_${instant}.parquet`;
const T1 = "20260101000000000";
const T2 = "20260102000000000";
const T3 = "20260103000000000";

const NAMES = [file(B, T1), file(A, T3), file(A, T1), file(A, T2), ".hoodie", ".hoodie_partition_metadata"];

describe("the view of a table", () => {
  test("shows the greatest completed instant of each group", () => {
    const view = FileSystemView.of(NAMES, [T1, T2]);
    expect(view.latest().map((slice) => slice.file)).toEqual([file(A, T2), file(B, T1)]);
    expect(view.uncommitted.map((slice) => slice.file)).toEqual([file(A, T3)]);
    expect(view.unknown).toEqual([]);
  });

  test("shows an earlier state, with groups that came later left out", () => {
    const view = FileSystemView.of([...NAMES.slice(1), file(B, T2)], [T1, T2, T3]);
    expect(view.asOf(T1).map((slice) => slice.file)).toEqual([file(A, T1)]);
    expect(view.asOf(T2).map((slice) => slice.file)).toEqual([file(A, T2), file(B, T2)]);
    expect(view.asOf("20260102120000000").map((slice) => slice.file)).toEqual([file(A, T2), file(B, T2)]);
  });

  test("names what is not ours", () => {
    const view = FileSystemView.of(["part-0.parquet", "dt=2026-01-01", ".part-0.parquet.crc"], []);
    expect(view.unknown).toEqual(["dt=2026-01-01", "part-0.parquet"]);
  });
});

describe("the digest of slices", () => {
  test("does not depend on the order, and notices a slice that is older", () => {
    const view = FileSystemView.of(NAMES, [T1, T2, T3]);
    const digest = slicesDigest(view.latest());
    expect(slicesDigest([...view.latest()].reverse())).toBe(digest);
    expect(slicesDigest(view.asOf(T2))).not.toBe(digest);
    expect(slicesDigest([])).toBe("e3b0c44298fc1c14");
  });
});
