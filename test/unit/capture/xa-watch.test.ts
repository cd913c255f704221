import { expect, test } from "vitest";
import { DeferredRows } from "../../../src/capture/deferred-rows.ts";
import type { PreparedXa } from "../../../src/capture/prepared-xa.ts";
import { XaWatch } from "../../../src/capture/xa-watch.ts";
import { GtidSet, parseGtid } from "../../../src/types/gtid.ts";
import { Log } from "../../../src/util/log.ts";

const A = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const MINUTE_MS = 60_000;

function prepared(xid: string, number: number): PreparedXa {
  const rows = new DeferredRows();
  rows.add({ database: "d", table: "t" }, 10, () => null);
  return { xid, gtid: parseGtid(`${A}:${number}`), rows };
}

const answer = (executed: string, openXa: readonly string[] | null) => ({
  serverUuid: A,
  executed: GtidSet.parse(`${A}:${executed}`),
  purged: GtidSet.empty,
  openXa,
});

function watchAt() {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const log = new Log({ level: "info", format: "json", now: () => 0, write: (line) => lines.push(line) });
  return { watch: new XaWatch(log, { now: () => clock.ms, remindMs: MINUTE_MS }), clock, lines };
}

test("A8: an XA transaction that stays open is told of each minute, with what to do", () => {
  const { watch, clock, lines } = watchAt();
  const open = [prepared("X'61',X'',1", 5)];
  for (const ms of [0, 1000, MINUTE_MS - 1, MINUTE_MS, MINUTE_MS + 30_000, 2 * MINUTE_MS]) {
    clock.ms = ms;
    watch.remind(open);
  }
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    xid: "X'61',X'',1",
    gtid: `${A}:5`,
    tables: "d.t",
    openForMs: MINUTE_MS,
    remedy:
      "XA COMMIT X'61',X'',1, or XA ROLLBACK X'61',X'',1: the binlog from its prepare on is needed until then",
  });
  watch.remind([]);
  expect(lines).toHaveLength(2);
});

test("A8: one that the server has no more is lost only when all is read that it had executed by then", () => {
  const open = [prepared("X'AB',X'',1", 5), prepared("X'61',X'',1", 6)];
  const read = (text: string): GtidSet => GtidSet.parse(`${A}:${text}`);
  const { watch } = watchAt();
  // Hex digits are compared without their case.
  watch.asked(open, answer("1-9", ["X'ab',X'',1"]));
  expect(watch.lost(open, read("1-8"))).toEqual([]);
  expect(watch.lost(open, read("1-9"))).toEqual(["X'61',X'',1"]);
  // It was ended in the binlog meanwhile.
  watch.asked(open, answer("1-9", []));
  expect(watch.lost([], read("1-12"))).toEqual([]);
  // A server that does not say keeps everything.
  watch.asked(open, answer("1-9", null));
  expect(watch.lost(open, read("1-12"))).toEqual([]);
});
