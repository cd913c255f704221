import { expect } from "vitest";
import { countSource } from "../../../src/capture/source-count.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { endpointOf } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";

mysqlTest(
  "C119 C122 C129: the report's own reader tells a changed key from another change, whatever the key is",
  async ({ mysql, database }) => {
    await database.run(`
      CREATE TABLE prefixed (n INT, txt TEXT, v INT, PRIMARY KEY (n, txt(3)));
      CREATE TABLE uniq (y YEAR, a INT NOT NULL, b VARCHAR(9) NOT NULL, UNIQUE KEY u (b, a))`);
    const from = GtidSet.parse(String(await database.value("SELECT @@gtid_executed")));
    await database.run(`
      INSERT INTO prefixed VALUES (1, 'abcd', 1), (2, 'abcd', 2); INSERT INTO uniq VALUES (2000, 1, 'x'), (0, 2, 'y');
      UPDATE prefixed SET v = 3; UPDATE prefixed SET txt = 'abce' WHERE n = 1; DELETE FROM prefixed WHERE n = 2;
      UPDATE uniq SET y = 2001; UPDATE uniq SET b = 'X' WHERE a = 1; UPDATE uniq SET a = 3 WHERE a = 2; DELETE FROM uniq WHERE a = 3`);
    const to = GtidSet.parse(String(await database.value("SELECT @@gtid_executed")));
    const of = (table: string) => ({
      id: { database: database.name, table },
      from,
      commits: [{ commit: "1", to }],
    });
    const counted = await countSource({
      ...{ endpoint: endpointOf(mysql.url), serverId: 4101, identity: { source: "s", epoch: 1 }, until: to },
      tables: [of("prefixed"), { ...of("uniq"), key: ["b", "a"] }],
      signal: new AbortController().signal,
    });
    const rows = counted.map(({ table, counts }) => [
      table.table,
      ...["c", "u", "d"].map((kind) =>
        counts.filter((count) => count.class === kind).reduce((sum, count) => sum + count.rows, 0),
      ),
    ]);
    expect(rows).toEqual([
      ["prefixed", 3, 2, 2],
      ["uniq", 4, 2, 3],
    ]);
  },
);
