import { describe, expect, test } from "vitest";
import { planDump, type ServerHistory } from "../../../src/capture/history.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import type { SourcePosition } from "../../../src/types/source-position.ts";
import { SyncError } from "../../../src/util/errors.ts";

const A = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const B = "1c6af1f1-e54f-11f1-9974-02fc00000002";
const last = { gtid: `${A}:12`, commitUs: 1, hash: "00112233445566ff" };
const at = (gtids: string, withLast = true): SourcePosition => ({
  gtids: GtidSet.parse(gtids),
  file: "binlog.000001",
  offset: 4,
  seq: 0,
  last: withLast ? last : null,
});
const server = (executed: string, purged = ""): ServerHistory => ({
  serverUuid: A,
  executed: GtidSet.parse(executed),
  purged: GtidSet.parse(purged),
  openXa: null,
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof SyncError) return error.code;
    throw error;
  }
  return "";
}

describe("what a server is asked for", () => {
  test("everything behind the position, and its last transaction once more", () => {
    const request = planDump(at(`${A}:1-12`), server(`${A}:1-20`, `${A}:1-5`), A);
    expect(request.without.toString()).toBe(`${A}:1-11`);
    expect(request.expected).toEqual(last);
  });

  test("gaps are asked for, not skipped", () => {
    const request = planDump(at(`${A}:1-7:9-12`), server(`${A}:1-20`), null);
    expect(request.without.toString()).toBe(`${A}:1-7:9-11`);
  });

  test("A8: what is prepared and not decided is no part of the position, and comes again", () => {
    const prepared = GtidSet.parse(`${A}:5:13`);
    const position = { ...at(`${A}:1-4:6-12`), prepared };
    const request = planDump(position, server(`${A}:1-20`), A);
    expect(request.without.toString()).toBe(`${A}:1-4:6-11`);
    // Also where a prepare was the last that was read.
    const newest = { ...last, gtid: `${A}:13` };
    const onPrepare = planDump({ ...position, last: newest }, server(`${A}:1-20`), A);
    expect([onPrepare.without.toString(), onPrepare.expected]).toEqual([`${A}:1-4:6-12`, newest]);
    expect(() => planDump(position, server(`${A}:1-20`, `${A}:1-5`), A)).toThrow(
      `the binlogs with ${A}:5, which XA has prepared and not decided when they were read, are gone`,
    );
  });

  test("a snapshot without an anchor compares nothing", () => {
    const request = planDump(at(`${A}:1-12`, false), server(`${A}:1-12`), A);
    expect(request).toEqual({ without: GtidSet.parse(`${A}:1-12`), expected: null });
  });
});

describe("a server that cannot go on is refused by name", () => {
  test.each([
    ["SOURCE_CHANGED", `${A}:1-12`, { ...server(`${A}:1-20`), serverUuid: B }],
    ["SOURCE_HISTORY_BROKEN", `${A}:1-12`, server(`${A}:1-11`)],
    ["SOURCE_HISTORY_BROKEN", `${A}:1-12`, server(`${B}:1-99`)],
    ["SOURCE_PURGED", `${A}:1-12`, server(`${A}:1-20`, `${A}:1-13`)],
    ["SOURCE_PURGED", `${A}:1-12`, server(`${A}:1-20,${B}:1-3`, `${B}:1-2`)],
    ["SOURCE_HISTORY_UNVERIFIED", `${A}:1-12`, server(`${A}:1-12`, `${A}:1-12`)],
  ])("%s", (code, position, history) => {
    expect(codeOf(() => planDump(at(position), history, A))).toBe(code);
  });
});
