import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SnapshotManifest } from "../../../src/capture/snapshot-manifest.ts";
import type { SnapshotStart } from "../../../src/types/ports.ts";
import { positionAt } from "../../support/channel-chain.ts";
import { tempDir } from "../../support/temp-dir.ts";

const IDENTITY = { source: "shop", epoch: 1 };
const START: SnapshotStart = { position: positionAt(3), serverUuid: "u" };
const TABLE = { database: "shop", table: "t" };

test("E166: a manifest that was cut anywhere is gone on with, or begun anew", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "manifest.ndjson");
  const whole = await SnapshotManifest.create(file, IDENTITY, START);
  await whole.beginPlan(TABLE, "v1");
  await whole.addBounds(TABLE, { index: 0, after: null, through: null });
  await whole.endPlan(TABLE);
  await whole.addChunk(TABLE, { index: 0, file: "0.parquet", rows: 7, readAtMs: 5 });
  const bytes = await readFile(file);
  const lineEnds = [...bytes.entries()].flatMap(([i, byte]) => (byte === 0x0a ? [i + 1] : []));
  for (let length = 0; length <= bytes.length; length++) {
    await writeFile(file, bytes.subarray(0, length));
    const read = await SnapshotManifest.read(file);
    const lines = lineEnds.filter((end) => end <= length).length;
    if (lines === 0) {
      expect(read).toBeNull();
      const anew = await SnapshotManifest.create(file, IDENTITY, START);
      expect(anew.start).toEqual(START);
      continue;
    }
    expect(read?.start).toEqual(START);
    const plan = read?.plan(TABLE) ?? null;
    expect([
      plan === null,
      plan?.chunks.length ?? 0,
      plan?.isComplete ?? false,
      plan?.done.size ?? 0,
    ]).toEqual([lines < 2, lines < 3 ? 0 : 1, lines >= 4, lines < 5 ? 0 : 1]);
    expect((await readFile(file)).length).toBe(lineEnds[lines - 1]);
  }
});
