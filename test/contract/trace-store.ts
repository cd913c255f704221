import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COUNT_CLASSES, HOPS, type HopCount } from "../../src/types/hop-count.ts";
import type { TraceRecord, TraceStore } from "../../src/types/ports.ts";
import type { TableId } from "../../src/types/table-id.ts";
import { StopError } from "../../src/util/abort.ts";
import { count, instantOf, ORDERS, traceRecord, UUID } from "../support/trace-record.ts";

export interface TraceStoreUnderTest {
  /** A store on an empty database of its own, not yet migrated; `now` counts up from the given time. */
  readonly open: (database: string, nowMs?: number) => Promise<TraceStore>;
}

const EVER = { sinceMs: 0 };

const MAX = 2n ** 64n - 1n;
const digest = fc.record({ sum: fc.bigInt(0n, MAX), xor: fc.bigInt(0n, MAX) });
const hopCount: fc.Arbitrary<HopCount> = fc.record({
  hop: fc.constantFrom(...HOPS),
  class: fc.constantFrom(...COUNT_CLASSES),
  minute: fc.oneof(fc.constant(0), fc.nat(2 ** 31 - 1)),
  rows: fc.oneof(fc.nat(1000), fc.constant(Number.MAX_SAFE_INTEGER)),
  ids: digest,
  content: fc.option(digest, { nil: null }),
});
/** MySQL allows any character of the BMP but NUL in a name. */
const nameText = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: "binary" }),
    fc.constantFrom("a'b", "a\\b", "\\N", "\\n", "a\nb", "{x:String}", '`"', "NULL", "__proto__", "é😀\t"),
  )
  .filter((name) => !name.includes("\0"));
const records = fc
  .array(
    fc.record({
      table: fc.record({ database: nameText, table: nameText }),
      counts: fc.uniqueArray(hopCount, {
        maxLength: 12,
        selector: (c) => `${c.hop}/${c.class}/${c.minute}`,
      }),
      fromGtids: fc.constantFrom("", `${UUID}:1-5`, `${UUID}:1-5:7-9,${UUID.replace("3", "4")}:tag:1`),
      snapshotGtids: fc.constantFrom(null, "", `${UUID}:1-4`),
      second: fc.nat(1e6),
      arm: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) =>
    list.map(({ second, arm, ...rest }, i): TraceRecord => {
      const committedAtMs = Date.UTC(2026, 0, 1) + i * 3e9 + second * 1000 + i;
      const instant = instantOf(committedAtMs);
      return {
        ...traceRecord(0),
        ...rest,
        committedAtMs,
        commit: arm ? `${instant}-${instant}` : instant,
      };
    }),
  );

const key = (c: HopCount): string => `${c.hop}/${c.class}/${c.minute}`;
const sorted = (list: readonly HopCount[]): readonly HopCount[] =>
  [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
const normal = (list: readonly TraceRecord[]): readonly TraceRecord[] =>
  list.map((record) => ({ ...record, counts: sorted(record.counts) }));

/** What every TraceStore promises; see the port. */
export function traceStoreContract(name: string, under: TraceStoreUnderTest): void {
  let databases = 0;
  const fresh = (): string => `contract_${name.replaceAll(/\W/g, "_")}_${databases++}`;
  const migrated = async (nowMs?: number): Promise<TraceStore> => {
    const store = await under.open(fresh(), nowMs);
    await store.migrate();
    return store;
  };
  const all = async (store: TraceStore, tables: readonly TableId[] = [ORDERS]) =>
    await store.records({ source: "src", tables, ...EVER });

  describe(`TraceStore: ${name}`, () => {
    test("migrating again, also twice at once, changes nothing", async () => {
      const store = await migrated();
      await store.record([traceRecord(0)]);
      await Promise.all([store.migrate(), store.migrate()]);
      expect(await all(store)).toEqual([traceRecord(0)]);
      await store.close();
    });

    test("any record comes back as it was", async () => {
      const store = await migrated();
      let run = 0;
      await fc.assert(
        fc.asyncProperty(records, async (list) => {
          const source = `run'${run++}`;
          const own = list.map((record) => ({ ...record, source }));
          await store.record(own);
          const tables = own.map((record) => record.table);
          expect(normal(await store.records({ source, tables, ...EVER }))).toEqual(normal(own));
        }),
        { numRuns: 12 },
      );
      await store.close();
    });

    test("counts of the same hop, class and minute are added", async () => {
      const store = await migrated();
      const ids = { sum: MAX, xor: 6n };
      await store.record([
        traceRecord(1, { counts: [count({ rows: 2, ids }), count({ rows: 3, ids: { sum: 2n, xor: 3n } })] }),
      ]);
      expect((await all(store))[0]?.counts).toEqual([count({ rows: 5, ids: { sum: 1n, xor: 5n } })]);
      await store.close();
    });

    test("recordedThrough is the newest instant of that source and table", async () => {
      const store = await migrated();
      expect(await store.recordedThrough("src", ORDERS)).toBe(null);
      await store.record([
        traceRecord(2),
        traceRecord(1),
        traceRecord(7, { table: { database: "shop", table: "item" } }),
        traceRecord(8, { source: "other" }),
        traceRecord(9, { commit: "99999999999999999-99999999999999999" }),
      ]);
      expect(await store.recordedThrough("src", ORDERS)).toBe(traceRecord(2).commit);
      await store.close();
    });

    test("the same record again changes nothing", async () => {
      const store = await migrated();
      const list = [traceRecord(0), traceRecord(1)];
      for (let i = 0; i < 3; i++) await store.record(list);
      await store.record([traceRecord(1)]);
      expect(await all(store)).toEqual(list);
      await store.close();
    });

    test("a commit recorded again with other counts replaces the first, with a clock set back too", async () => {
      const database = fresh();
      const first = await under.open(database, Date.UTC(2026, 10, 22));
      await first.migrate();
      await first.record([
        traceRecord(0, {
          counts: [count({ rows: 5 }), count({ class: "u", rows: 6 }), count({ class: "d" })],
        }),
      ]);
      await first.close();
      const second = await under.open(database, Date.UTC(2026, 10, 1));
      const replaced = traceRecord(0, { counts: [count({ rows: 4 }), count({ class: "r", rows: 1 })] });
      await second.record([replaced]);
      expect(await all(second)).toEqual([replaced]);
      await second.close();
    });

    test("records from an instant on, it included, of the tables asked for only, oldest first", async () => {
      const store = await migrated();
      const item = { database: "shop", table: "item" };
      const other = { database: "shop", table: "other" };
      const list = [3, 1, 0, 2, 4].map((i) => traceRecord(i));
      await store.record([...list, traceRecord(2, { table: item }), traceRecord(2, { table: other })]);
      const { committedAtMs: sinceMs } = traceRecord(1);
      expect(await store.records({ source: "src", tables: [ORDERS, item], sinceMs })).toEqual([
        traceRecord(1),
        traceRecord(2, { table: item }),
        traceRecord(2),
        traceRecord(3),
        traceRecord(4),
      ]);
      expect(await store.records({ source: "src", tables: [], ...EVER })).toEqual([]);
      await store.close();
    });

    test("a batch over several months, and one of many counts", async () => {
      const store = await migrated();
      const months = Array.from({ length: 6 }, (_, i) => {
        const committedAtMs = Date.UTC(2025, 9 + i, 1);
        return traceRecord(i, { committedAtMs, commit: instantOf(committedAtMs) });
      });
      const wide = traceRecord(20, {
        counts: Array.from({ length: 2000 }, (_, i) => count({ minute: i, rows: i })),
      });
      await store.record([...months, wide]);
      expect(await all(store)).toEqual([...months, wide]);
      await store.close();
    });

    test("a closed store is stopped", async () => {
      const store = await migrated();
      await store.close();
      await store.close();
      await expect(store.record([traceRecord(0)])).rejects.toThrow(StopError);
      await expect(all(store)).rejects.toThrow(StopError);
    });

    test("without its tables the store says so", async () => {
      const store = await under.open(fresh());
      await expect(store.record([traceRecord(0)])).rejects.toMatchObject({ code: "TRACE_SCHEMA" });
      await expect(all(store)).rejects.toMatchObject({ code: "TRACE_SCHEMA" });
      await store.close();
    });
  });
}
