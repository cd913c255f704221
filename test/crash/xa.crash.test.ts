import { expect } from "vitest";
import { firstPassings } from "../support/crash-points.ts";
import { CrashRig } from "../support/crash-rig.ts";
import { mysqlTest } from "../support/mysql.ts";
import type { PrivateMysql } from "../support/test-mysql.ts";

/*
 * Real processes are killed while XA transactions are prepared. Each lives through the end of what was prepared two
 * lives before it, so that every prepare lies before the positions that it is resumed from.
 */

const FOLLOW = ["follow", "--until-caught-up"];
/** Of the bills, behind all that the tables have; no two transactions that are open at one time touch the same row. */
const FIRST_ID = 5000;
const ROWS = 30;

class XaWriter {
  readonly #server: PrivateMysql;
  readonly #database: string;
  #life = 0;

  constructor(server: PrivateMysql, database: string) {
    this.#server = server;
    this.#database = database;
  }

  async #run(sql: string): Promise<void> {
    await using session = await this.#server.connect(this.#database);
    await session.run(sql);
  }

  /** One more is prepared, one that is open is ended, and rows change without XA as well. */
  async write(): Promise<void> {
    const life = this.#life++;
    const row = (i: number): string => `('xa ${life} ${i}', ${life}, REPEAT('é', ${i}), NOW(6))`;
    const rows = Array.from({ length: ROWS }, (_, i) => row(i)).join(", ");
    await this.#run(`INSERT INTO label VALUES ('plain ${life}', ${life}, NULL, NOW(6));
      INSERT INTO line VALUES (${FIRST_ID + life}, 'staff', 1, 'before', 1, NOW(6))`);
    await this.#run(`XA START 'x${life}'; INSERT INTO label VALUES ${rows};
      UPDATE line SET note = 'xa', pos = 2 WHERE bill = ${FIRST_ID + life};
      XA END 'x${life}'; XA PREPARE 'x${life}'`);
    await this.#run(`UPDATE item SET name = 'between ${life}' WHERE id % 3 = ${life % 3}`);
    if (life >= 2) await this.#end(life - 2);
    await this.#run(`DELETE FROM label WHERE code = 'plain ${life - 1}'`);
  }

  async endAll(): Promise<void> {
    for (const life of [this.#life - 2, this.#life - 1]) await this.#end(life);
  }

  #end(life: number): Promise<void> {
    return this.#run(`XA ${life % 3 === 1 ? "ROLLBACK" : "COMMIT"} 'x${life}'`);
  }
}

mysqlTest(
  "A4 A5 A8: killed at every step while XA transactions are prepared, in one life after the other",
  async ({ startMysql }) => {
    // An open XA transaction holds up every snapshot of a server. It must lock no gaps, and a test that fails must end.
    await using server = await startMysql([
      "--transaction-isolation=READ-COMMITTED",
      "--lock-wait-timeout=10",
      "--innodb-lock-wait-timeout=5",
    ]);
    await using rig = await CrashRig.open(server);
    await using database = await rig.database();
    const place = await rig.place(database.name);
    expect((await rig.run(place, { args: ["init"] })).code).toBe(0);
    const writer = new XaWriter(server, database.name);
    for (let i = 0; i < 3; i++) await writer.write();
    const whole = await rig.run(place, { args: FOLLOW });
    expect([whole.code, whole.stderr]).toEqual([0, expect.any(String)]);
    const points = firstPassings(whole.steps);
    expect(points.length).toBeGreaterThan(15);
    const missed: string[] = [];
    for (const kill of points) {
      await writer.write();
      const end = await rig.run(place, { args: FOLLOW, kill });
      if (!end.isKilled) missed.push(`${kill.step} ${String(end.code)} ${end.stderr}`);
    }
    // What is open now is in no table, and all the rest is.
    expect((await rig.run(place, { args: FOLLOW })).code).toBe(0);
    expect(await rig.isExact(place, database)).toBe(true);
    await writer.endAll();
    expect((await rig.run(place, { args: FOLLOW })).code).toBe(0);
    expect(await rig.judge(place, database)).toEqual([]);
    expect(missed).toEqual([]);
  },
);
