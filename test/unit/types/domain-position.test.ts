import { expect, test } from "vitest";
import { formatGtid, GtidSet, parseGtid } from "../../../src/types/gtid.ts";

const set = (text: string): GtidSet => GtidSet.parse(text);

test("a MariaDB's GTID is read and written as the server does it", () => {
  expect(parseGtid("0-1-100")).toEqual({ origin: "0-1", number: 100n });
  for (const text of ["0-1-1", "4294967295-4294967295-9223372036854775807"])
    expect(formatGtid(parseGtid(text))).toBe(text);
  for (const text of ["0-1-0", "0-1", "0-1-2-3", "00-1-2", "0-1-9223372036854775808", "0-1-x", "-0-1-2"])
    expect(() => parseGtid(text), text).toThrow(RangeError);
});

test("a position has the newest transaction of each domain, in the order of the domains", () => {
  expect(set("").toString()).toBe("");
  expect(set("10-1-3, 2-1-5,\n0-1-9").toString()).toBe("0-1-9,2-1-5,10-1-3");
  // As `@@gtid_binlog_state` has it, with each server of a domain.
  expect(set("0-1-100,0-2-50,0-3-101,1-1-7").toString()).toBe("0-3-101,1-1-7");
  expect(set(set("0-1-100,1-5-7").toString()).equals(set("0-1-100,1-5-7"))).toBe(true);
  expect(set("0-1-100").equals(set("0-2-100"))).toBe(false);
});

test("A64: a domain is had up to its number, whichever server that is of", () => {
  const position = set("0-1-100,1-5-7");
  const has = (gtid: string): boolean => position.contains(parseGtid(gtid));
  expect(["0-1-100", "0-1-1", "0-2-99", "1-1-7"].map(has)).toEqual([true, true, true, true]);
  expect(["0-1-101", "0-2-101", "1-5-8", "2-1-1"].map(has)).toEqual([false, false, false, false]);
  expect(position.includes(set("0-3-100"))).toBe(true);
  expect(position.includes(set("0-1-100,2-1-1"))).toBe(false);
  expect([position.origins, position.newest("0-1"), position.newest("3-1"), position.size]).toEqual([
    ["0-1", "1-5"],
    100n,
    null,
    107n,
  ]);
});

test("positions add up, meet and differ domain by domain", () => {
  const a = set("0-1-100,1-5-7");
  const b = set("0-2-60,1-6-9,2-1-3");
  expect(a.union(b).toString()).toBe("0-1-100,1-6-9,2-1-3");
  expect(a.intersect(b).toString()).toBe("0-2-60,1-5-7");
  expect(a.subtract(b).toString()).toBe("0-1-61..100");
  expect(a.subtract(b).size).toBe(40n);
  expect(b.subtract(a).toString()).toBe("1-6-8..9,2-1-3");
  expect(a.subtract(a).isEmpty).toBe(true);
  expect(set("0-1-5").subtract(set("0-1-4")).toString()).toBe("0-1-5");
  expect(a.add(parseGtid("0-2-101")).toString()).toBe("0-2-101,1-5-7");
  expect(a.add(parseGtid("3-2-1")).toString()).toBe("0-1-100,1-5-7,3-2-1");
});

test("before its last transaction a reader asks by the name of the server that committed it", () => {
  expect(set("0-1-100,1-5-7").before(parseGtid("0-1-100")).toString()).toBe("0-1-99,1-5-7");
  expect(set("0-1-1,1-5-7").before(parseGtid("0-1-1")).toString()).toBe("1-5-7");
  const uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
  expect(
    set(`${uuid}:1-5`)
      .before(parseGtid(`${uuid}:5`))
      .toString(),
  ).toBe(`${uuid}:1-4`);
});
