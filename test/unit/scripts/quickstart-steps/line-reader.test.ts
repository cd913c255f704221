import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LineReader } from "../../../../scripts/quickstart-steps/line-reader.ts";
import { tempDir } from "../../../support/temp-dir.ts";

test("lines come once and whole, however the file grows", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "log");
  writeFileSync(path, "one\ntw");
  const reader = new LineReader(path);
  expect(reader.read()).toEqual(["one"]);
  const rest = Buffer.from("o\n漢字\n");
  appendFileSync(path, rest.subarray(0, 4));
  expect(reader.read()).toEqual(["two"]);
  appendFileSync(path, rest.subarray(4));
  expect(reader.read()).toEqual(["漢字"]);
  const long = "x".repeat(200_000);
  appendFileSync(path, `${long}\n`);
  expect(reader.read()).toEqual([long]);
  expect(reader.read()).toEqual([]);
});
