import { expect } from "vitest";
import { parseGtid, type GtidSet } from "../../../src/types/gtid.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { eachMariadb } from "../../support/mariadb.ts";

const WRITERS = 16;
/** Of the watermark, each at another place, and of rows: so many are looked at, however fast the machine is. */
const MARKS = 60;
const ROWS = 500;
const OBSERVATIONS_MAX = 3000;

eachMariadb((test) => {
  test("E155: whatever the low watermark names is visible to a read behind it, under 16 writers", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb(["--sync-binlog=1"]);
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY)");
    await using session = await CaptureSession.open(server.url);
    /** The transaction of each row. */
    const committed = new Map<string, string>();
    let isWriting = true;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      await using own = await database.connect();
      for (let i = 0; isWriting; i++) {
        const id = i * WRITERS + writer;
        await own.run(`INSERT INTO t VALUES (${id})`);
        committed.set(String(id), String(await own.value("SELECT @@last_gtid")));
      }
    });
    const observations: { readonly low: GtidSet; readonly seen: ReadonlySet<string> }[] = [];
    const marks = new Set<string>();
    while ((marks.size < MARKS || committed.size < ROWS) && observations.length < OBSERVATIONS_MAX) {
      const { gtids: low } = await session.connection.dialect.readLowWatermark(session.connection);
      const rows = await session.connection.query(`SELECT id FROM ${database.name}.t`);
      marks.add(low.toString());
      observations.push({ low, seen: new Set(rows.map(([id]) => id ?? "")) });
    }
    isWriting = false;
    await Promise.all(writers);
    const missed = observations.flatMap(({ low, seen }) =>
      [...committed].filter(([id, gtid]) => low.contains(parseGtid(gtid)) && !seen.has(id)).map(([id]) => id),
    );
    expect(missed).toEqual([]);
    expect(marks.size).toBeGreaterThanOrEqual(MARKS);
  });
});
