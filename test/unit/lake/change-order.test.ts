import { describe, expect, test } from "vitest";
import { ChangeOrder } from "../../../src/lake/change-order.ts";
import { sliceBatch } from "../../../src/types/change-batch.ts";
import { InvariantError } from "../../../src/util/assert.ts";
import { makeBatch, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { ChangeWriter } from "../../support/change-writer.ts";

const three = makeBatch(
  [
    [
      { op: "c", id: 1 },
      { op: "u", id: 1 },
    ],
    [{ op: "d", id: 1 }],
  ],
  {
    firstGtid: 5,
    firstSeq: 11,
  },
);

describe("the order of changes", () => {
  test("holds along batches", () => {
    const order = new ChangeOrder(10);
    const writer = new ChangeWriter(SIMPLE_SCHEMA, { seq: 10 });
    order.check(
      writer.batch([
        [{ op: "c", row: ["1", '"a"'] }],
        [{ op: "move", from: ["1"], row: ["2", '"a long value"'] }],
      ]),
    );
    order.check(writer.batch([]));
    order.check(writer.batch([[{ op: "d", row: ["2"] }]]));
  });

  test("holds for a transaction that is cut in two", () => {
    const order = new ChangeOrder(0);
    order.check(sliceBatch(three, 0, 1));
    order.check(sliceBatch(three, 1, 3));
  });

  test("is broken by a change that comes again", () => {
    const order = new ChangeOrder(0);
    order.check(three);
    expect(() => order.check(three)).toThrow(InvariantError);
  });

  test("is broken by a change that the last commit had", () => {
    expect(() => new ChangeOrder(11).check(three)).toThrow(InvariantError);
    new ChangeOrder(10).check(three);
  });

  test("is broken by a number that comes again in its transaction", () => {
    const again = { ...three, n: Uint32Array.from([0, 0, 0]) };
    expect(() => new ChangeOrder(0).check(again)).toThrow(InvariantError);
  });

  test("is broken by a transaction that comes back", () => {
    const back = {
      ...three,
      transactions: three.transactions.map((t, i) => ({ ...t, ordinal: i === 0 ? 9 : 8 })),
    };
    expect(() => new ChangeOrder(0).check(back)).toThrow(InvariantError);
  });

  test("lets only a delete and the create behind it share a number", () => {
    const op = Uint8Array.from([0x63, 0x64, 0x64]);
    expect(() => new ChangeOrder(0).check({ ...three, op, n: Uint32Array.from([0, 0, 0]) })).toThrow(
      InvariantError,
    );
  });
});
