import { afterAll, expect } from "vitest";
import { SHOP_TABLES } from "../../scripts/shop/schema.ts";
import { CrashRig } from "../support/crash-rig.ts";
import { mysqlTest } from "../support/mysql.ts";
import { snapshotUnderWrite } from "../support/snapshot-under-write.ts";

let opened: Promise<CrashRig> | null = null;

const test = mysqlTest.extend("rig", ({ mysql }) => (opened ??= CrashRig.open(mysql)));

afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
});

const WRITERS = { writers: 10, transactionsPerSecond: 60, scale: 0.02 };
/** As many as the shop has at this scale, in chunks of 100. */
const CHUNKS_MIN = 60;

test.for([1, 2])(
  "E155 E157 E158: a snapshot while ten sessions write, then the stream: exact (seed %i)",
  async (seed, { rig }) => {
    const outcome = await snapshotUnderWrite(rig, { ...WRITERS, seed });
    expect(outcome.wrong).toEqual([]);
    // Otherwise it would have proved nothing: the chunks were read while their rows changed.
    expect(outcome.changes).toBeGreaterThan(0);
    expect(outcome.superseded).toBeGreaterThan(0);
    expect(outcome.tablesChanged).toBe(SHOP_TABLES.length);
    expect(outcome.chunks).toBeGreaterThan(CHUNKS_MIN);
  },
);
