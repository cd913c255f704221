import { expect, test } from "vitest";
import { requireHealthy } from "../../../src/app/problem-gate.ts";
import { isSyncError } from "../../../src/types/errors.ts";
import type { Problem } from "../../../src/types/ports.ts";
import { must } from "../../../src/util/assert.ts";
import { Log } from "../../../src/util/log.ts";

const orders = { database: "shop", table: "orders" };
const warning: Problem = {
  code: "SOURCE_SETTING",
  table: null,
  message: "sync_binlog is 0",
  hint: "SET PERSIST sync_binlog = 1;",
  severity: "warning",
};
const noKey: Problem = {
  code: "TABLE_NO_PRIMARY_KEY",
  table: orders,
  message: "shop.orders has no primary key",
  hint: "ALTER TABLE …",
  severity: "error",
};
const unnamed: Problem = { ...noKey, code: "TABLE_VALUE", message: "it is odd", hint: "look at it" };
const noGrant: Problem = {
  ...noKey,
  code: "SOURCE_GRANT_MISSING",
  table: null,
  message: "no grant",
  hint: "GRANT …",
};

/** What is logged, and what is thrown. */
function outcome(problems: readonly Problem[]): readonly string[] {
  const lines: string[] = [];
  const log = new Log({ level: "debug", format: "text", write: (line) => lines.push(line), now: () => 0 });
  try {
    requireHealthy(problems, log);
  } catch (error) {
    const { code, message, hint } = must(isSyncError(error) ? error : null, "a SyncError");
    lines.push(`${code} | ${message} | ${hint}`);
  }
  return lines.map((line) => line.trimEnd().replace("1970-01-01T00:00:00.000Z ", ""));
}

test("warnings are logged and keep nobody from starting", () => {
  expect(outcome([])).toEqual([]);
  expect(outcome([warning])).toEqual([
    'WARN  sync_binlog is 0 code=SOURCE_SETTING remedy="SET PERSIST sync_binlog = 1;"',
  ]);
});

test("one error is shown once, and names its table once", () => {
  expect(outcome([noKey])).toEqual(["TABLE_NO_PRIMARY_KEY | shop.orders has no primary key | ALTER TABLE …"]);
  expect(outcome([unnamed])).toEqual(["TABLE_VALUE | shop.orders: it is odd | look at it"]);
});

test("of several errors that of the source is thrown, and the others are logged", () => {
  expect(outcome([noKey, unnamed, noGrant])).toEqual([
    'ERROR shop.orders has no primary key code=TABLE_NO_PRIMARY_KEY table=shop.orders remedy="ALTER TABLE …"',
    'ERROR it is odd code=TABLE_VALUE table=shop.orders remedy="look at it"',
    "SOURCE_GRANT_MISSING | no grant (and 2 more problems) | GRANT …; `tallylake check` lists all problems with their remedies",
  ]);
  expect(outcome([noKey, unnamed]).at(-1)).toMatch(/\(and 1 more problem\)/);
});
