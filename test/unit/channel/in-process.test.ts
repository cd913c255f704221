import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { InProcessChannel } from "../../../src/channel/in-process.ts";
import { channelContract } from "../../contract/channel.ts";
import { makeBatch } from "../../support/batch.ts";
import { tempDir } from "../../support/temp-dir.ts";

async function open(): Promise<InProcessChannel> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  return InProcessChannel.open({
    rowsMax: 20,
    bytesMax: 4000,
    spillBytes: 4000,
    spillDir: join(dir.path, "spill"),
  });
}

channelContract({ name: "the in-process channel", open, isBounded: true });

test("spill files are gone when a transaction was read, aborted, or left behind by a crash", async () => {
  await using dir = await tempDir();
  const spillDir = join(dir.path, "spill");
  const options = { rowsMax: 1000, bytesMax: 1 << 20, spillBytes: 10, spillDir };
  const channel = await InProcessChannel.open(options);
  const writer = await channel.writer();
  await writer.begin();
  await writer.append(makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1 }));
  expect(await readdir(spillDir)).toHaveLength(1);
  await writer.abort();
  expect(await readdir(spillDir)).toEqual([]);
  await writer.begin();
  await writer.append(makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1 }));
  // The process dies here; the next one begins with an empty channel.
  await InProcessChannel.open(options);
  expect(await readdir(spillDir)).toEqual([]);
});
