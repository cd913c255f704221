import { expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from "../../../src/types/checkpoint.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { readUpTo } from "../../../src/types/source-position.ts";

const A = "0c6af1f1-e54f-11f1-9974-02fc00000001";

const checkpoint: Checkpoint = {
  source: "shop",
  epoch: 1,
  serverUuid: A,
  position: {
    gtids: GtidSet.parse(`${A}:1-4:6-9`),
    file: "binlog.000003",
    offset: 5_000_000_000,
    seq: 77,
    last: { gtid: `${A}:9`, commitUs: 1, hash: "0123456789abcdef" },
  },
};

test("A8: a checkpoint keeps what was prepared and not decided, and says nothing of it when there is none", () => {
  const text = encodeCheckpoint(checkpoint);
  expect(text).not.toContain("prepared");
  expect(encodeCheckpoint(decodeCheckpoint(text))).toBe(text);
  expect(readUpTo(checkpoint.position).toString()).toBe(`${A}:1-4:6-9`);
  const prepared = GtidSet.parse(`${A}:5`);
  const open = encodeCheckpoint({ ...checkpoint, position: { ...checkpoint.position, prepared } });
  const { position } = decodeCheckpoint(open);
  expect([position.gtids.toString(), position.prepared?.toString()]).toEqual([`${A}:1-4:6-9`, `${A}:5`]);
  expect(readUpTo(position).toString()).toBe(`${A}:1-9`);
});
