import { describe, expect, test } from "vitest";
import { removableSlices } from "../../../src/lake/cleaning.ts";
import { FileSystemView } from "../../../src/lake/file-system-view.ts";
import { instantTimeMs } from "../../../src/lake/instant.ts";

const instant = (minute: number): string =>
  `202601010${Math.floor(minute / 60)}${String(minute % 60).padStart(2, "0")}00000`;
const slice = (bucket: number, minute: number): string =>
  `0000000${bucket}-1f6c-4c55-9d0e-7f3b2a9c1e42-0_${bucket}-0-0_${instant(minute)}.parquet`;

function removable(
  files: readonly string[],
  minutes: readonly number[],
  beforeMinute: number,
): readonly string[] {
  const completed = minutes.map(instant);
  const view = FileSystemView.of(files, completed);
  return removableSlices(view.groups(), completed, instantTimeMs(instant(beforeMinute))).map((s) => s.file);
}

describe("slices that may go", () => {
  const files = [slice(0, 0), slice(0, 10), slice(0, 20), slice(0, 30), slice(1, 0), slice(1, 30)];
  const commits = [0, 10, 20, 30, 40];

  test("were replaced, provably, before the given time", () => {
    // The slice of minute 0 was replaced by the commit of minute 10, which was over by minute 20.
    expect(removable(files, commits, 20)).toEqual([]);
    expect(removable(files, commits, 21)).toEqual([slice(0, 0)]);
    expect(removable(files, commits, 31)).toEqual([slice(0, 0), slice(0, 10)]);
  });

  test("are never among the last two of their group", () => {
    expect(removable(files, commits, 500)).toEqual([slice(0, 0), slice(0, 10)]);
    expect(removable([slice(0, 0)], commits, 500)).toEqual([]);
  });

  test("wait for a commit behind the one that replaced them", () => {
    const three = [slice(0, 0), slice(0, 10), slice(0, 20)];
    expect(removable(three, [0, 10], 500)).toEqual([]);
    expect(removable(three, [0, 10, 20], 500)).toEqual([slice(0, 0)]);
  });

  test("go oldest first", () => {
    const two = [0, 1].flatMap((bucket) => [0, 10, 20, 30].map((minute) => slice(bucket, minute)));
    expect(removable(two, commits, 500)).toEqual([slice(0, 0), slice(1, 0), slice(0, 10), slice(1, 10)]);
  });
});
