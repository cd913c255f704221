import { expect } from "vitest";
import { readCharsets } from "../../../src/capture/charset/charset-reader.ts";
import { TWIN_CHARSETS } from "../../../src/capture/table-key.ts";
import { TEXT_CHARSETS } from "../../../src/types/table-schema.ts";
import { must } from "../../../src/util/assert.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { BinlogTape } from "../../support/binlog-tape.ts";
import { CHARSETS, expectEveryCharacter } from "../../support/charset-texts.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed } from "../../support/source-feed.ts";

mysqlTest.for(CHARSETS)("B98 B99: every character of %s", async (charset, { database }) => {
  await expectEveryCharacter(charset, database);
});

mysqlTest(
  "B99 B101: bytes that are no character stop their table by name, in the snapshot and in the binlog",
  async ({ database }) => {
    await database.run(
      "CREATE TABLE thai (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET tis620); CREATE TABLE other (id INT PRIMARY KEY)",
    );
    const { url, ids } = {
      url: database.server.url,
      ids: ["thai", "other"].map((table) => ({ database: database.name, table })),
    };
    await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, ids)), url });
    await database.run(
      "INSERT INTO thai VALUES (1, _tis620 X'A1'); INSERT INTO thai VALUES (2, _tis620 X'A1FFA2'); INSERT INTO other VALUES (1)",
    );
    await tape.caughtUp(database.connection);
    const what = "v holds X'ffa2' at byte 1 of a text, which Unicode has no character for";
    expect(tape.stops.map(({ table, code, message }) => [table.table, code, message])).toEqual([
      ["thai", "TABLE_VALUE", what],
    ]);
    expect(tape.rows({ database: database.name, table: "other" })).toHaveLength(1);
    await using feed = await SourceFeed.open(url, { source: "test", epoch: 1 });
    const [schema] = await feed.schemas(ids);
    await expect(snapshotRows(feed.connection, must(schema, "a schema"))).rejects.toThrow(what);
  },
);

mysqlTest(
  "keys are refused in just those sets in which two codes stand for one character",
  async ({ mysql }) => {
    await using session = await CaptureSession.open(mysql.url);
    const twins: string[] = [];
    for (const [name, table] of await readCharsets(session.connection, TEXT_CHARSETS)) {
      if (table.form !== "tree") continue;
      const points = table.tree.filter((point) => point >= 0);
      if (new Set(points).size < points.length) twins.push(name);
    }
    expect(twins.sort()).toEqual([...TWIN_CHARSETS]);
  },
);
