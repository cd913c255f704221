import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeStop, holdsStop, readStops, StopRegister } from "../../../src/app/stop-register.ts";
import { isSyncError } from "../../../src/types/errors.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import type { TableStop } from "../../../src/types/ports.ts";
import { Log } from "../../../src/util/log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const UUID = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const upTo = (n: number): GtidSet => GtidSet.parse(`${UUID}:1-${n}`);

const stopOf = (table: string, at = 9): TableStop => ({
  table: { database: "shop", table },
  code: "TABLE_DDL",
  message: `ALTER TABLE ${table}`,
  hint: "run init",
  at: { gtids: upTo(at), file: "binlog.000001", offset: at * 100, seq: 5, last: null },
});

const logTo = (lines: string[]): Log =>
  new Log({ level: "debug", format: "text", now: () => 0, write: (line) => lines.push(line) });

const register = async (stateDir: string, lines: string[] = []): Promise<StopRegister> =>
  StopRegister.open(stateDir, logTo(lines));

test("stops outlive the process, until the table has passed them", async () => {
  await using dir = await tempDir();
  const stateDir = join(dir.path, "state");
  expect(await readStops(stateDir)).toEqual([]);
  const first = await register(stateDir);
  for (const table of ["orders", "__proto__", "orders"]) first.stopped(stopOf(table));
  await first.settled();
  expect(await readStops(stateDir)).toEqual([stopOf("orders"), stopOf("__proto__")].map(describeStop));

  const second = await register(stateDir);
  const orders = { database: "shop", table: "orders" };
  second.reached(orders, upTo(8));
  second.reached(orders, upTo(9));
  second.reached({ database: "shop", table: "other" }, upTo(99));
  await second.settled();
  expect(await readStops(stateDir)).toEqual([stopOf("orders"), stopOf("__proto__")].map(describeStop));
  second.reached(orders, upTo(10));
  await second.settled();
  expect(await readStops(stateDir)).toEqual([describeStop(stopOf("__proto__"))]);
  expect(await readdir(stateDir)).toEqual(["stops.json"]);
});

test("a stop holds while the table stands at it or before it, and not without a table", () => {
  const stop = describeStop(stopOf("orders"));
  const other = GtidSet.parse("0c6af1f1-e54f-11f1-9974-02fc00000002:1");
  expect([upTo(5), upTo(9), upTo(10), other, null].map((checkpoint) => holdsStop(stop, checkpoint))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("a file that cannot be read is said, and begun anew by the next process", async () => {
  await using dir = await tempDir();
  await writeFile(join(dir.path, "stops.json"), '{"version":2}');
  const error: unknown = await readStops(dir.path).catch((thrown: unknown) => thrown);
  expect(isSyncError(error, "LAKE_IO")).toBe(true);
  const lines: string[] = [];
  const own = await register(dir.path, lines);
  expect(lines).toHaveLength(1);
  own.stopped(stopOf("orders"));
  await own.settled();
  expect(await readStops(dir.path)).toEqual([describeStop(stopOf("orders"))]);
});

test("that it cannot be written holds up nobody", async () => {
  await using dir = await tempDir();
  const lines: string[] = [];
  const own = await register(join(dir.path, "file"), lines);
  await writeFile(join(dir.path, "file"), "");
  own.stopped(stopOf("orders"));
  await own.settled();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("the stopped tables could not be recorded");
  expect(await readFile(join(dir.path, "file"), "utf8")).toBe("");
});
