import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openBinlog } from "../../src/capture/binlog-connection.ts";
import { EVENT, EventFramer, parseQueryEvent } from "../../src/capture/binlog-event.ts";
import { driverOptions } from "../../src/capture/connection-options.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { SyncError } from "../../src/util/errors.ts";
import { endpointOf } from "../support/capture-session.ts";
import { mysqlTest } from "../support/mysql.ts";

/*
 * What capture relies on in zongji beyond its documentation: `BinlogClass` is assigned right before the dump
 * command, its prototype's `binlogData` is called for every packet and again what it returns, and an error
 * packet is emitted on the command. Each holds for the pinned version only.
 */
interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>;
}

test("the version is pinned to the one whose inside is known", () => {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as PackageJson;
  expect(dependencies["@vlasky/zongji"]).toBe("0.9.0");
});

mysqlTest("every packet of the stream arrives, raw, in order and once", async ({ database }) => {
  const without = GtidSet.parse(String(await database.value("SELECT @@GLOBAL.gtid_executed")));
  await database.run("CREATE TABLE seam (id INT PRIMARY KEY)");
  for (let i = 1; i <= 5; i++) await database.run(`INSERT INTO seam VALUES (${i})`);
  const framer = new EventFramer();
  const seen: string[] = [];
  const expected = ["CREATE TABLE", ...Array.from({ length: 5 }, () => ["BEGIN", "rows", "xid"]).flat()];
  const end = Promise.withResolvers<undefined>();
  let isOwn = false;
  const connection = await openBinlog({
    driver: { ...driverOptions(endpointOf(database.server.url)) },
    serverId: 3_000_001,
    without,
    heartbeatMs: 200,
    onEvent: (bytes, from, to) => {
      const header = framer.frame(bytes, from, to);
      if (header.type === EVENT.query) {
        const query = parseQueryEvent(bytes, header.bodyStart, header.bodyEnd);
        isOwn = query.database === database.name;
        if (isOwn) seen.push(query.statement.slice(0, 12));
      } else if (isOwn && header.type === EVENT.writeRows) seen.push("rows");
      else if (isOwn && header.type === EVENT.xid) seen.push("xid");
      if (seen.length >= expected.length) end.resolve(undefined);
    },
    onEnd: (error) => {
      end.reject(error ?? new Error("the stream ended"));
    },
  });
  await end.promise;
  await connection.close();
  expect(seen).toEqual(expected);
});

mysqlTest("an error of the handler ends the stream with that error", async ({ database }) => {
  const end = Promise.withResolvers<Error | null>();
  const connection = await openBinlog({
    driver: { ...driverOptions(endpointOf(database.server.url)) },
    serverId: 3_000_002,
    without: GtidSet.parse(String(await database.value("SELECT @@GLOBAL.gtid_executed"))),
    heartbeatMs: 200,
    onEvent: () => {
      throw new Error("the handler has had enough");
    },
    onEnd: end.resolve,
  });
  expect((await end.promise)?.message).toBe("the handler has had enough");
  await connection.close();
});

mysqlTest("an error packet of the server ends the stream with an operating error", async ({ database }) => {
  const end = Promise.withResolvers<Error | null>();
  const purged = GtidSet.parse("00000000-0000-0000-0000-0000000000ff:1-5");
  // A set that the server itself has never seen is fine; one of its own that lies ahead is refused by it.
  const uuid = String(await database.value("SELECT @@server_uuid"));
  const ahead = GtidSet.parse(`${uuid}:1-4000000000`).union(purged);
  const connection = await openBinlog({
    driver: { ...driverOptions(endpointOf(database.server.url)) },
    serverId: 3_000_003,
    without: ahead,
    heartbeatMs: 200,
    onEvent: () => undefined,
    onEnd: end.resolve,
  });
  const error = await end.promise;
  expect(error).toBeInstanceOf(SyncError);
  expect((error as SyncError).code).toBe("BINLOG_REFUSED");
  await connection.close();
});
