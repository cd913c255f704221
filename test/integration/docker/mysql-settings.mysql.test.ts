import { BY_PRIMARY_KEY } from "../../../src/types/key-choice.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { loadShop } from "../../../scripts/shop/load.ts";
import { SHOP_TABLES } from "../../../scripts/shop/schema.ts";
import { connectMysql } from "../../../src/capture/connection.ts";
import { preflight } from "../../../src/capture/preflight.ts";
import { parseTablePattern } from "../../../src/types/table-pattern.ts";
import { Secret } from "../../../src/util/secret.ts";
import { mysqlTest as test } from "../../support/mysql.ts";

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../../docker/mysql", name), "utf8");

/** A server's own defaults, in place of the settings that our test servers have. */
const SERVER_DEFAULTS = [
  "--gtid-mode=OFF",
  "--enforce-gtid-consistency=OFF",
  "--binlog-row-metadata=MINIMAL",
  "--skip-log-bin",
];

const settings = read("my.cnf")
  .split("\n")
  .filter((line) => /^[a-z]/.test(line))
  .map((line) => `--${line.replaceAll(" ", "")}`);

test("with the settings and the user of the Compose file, preflight finds nothing wrong with the sample shop", async ({
  startMysql,
}) => {
  await using mysql = await startMysql([...SERVER_DEFAULTS, ...settings]);
  await loadShop({ url: `${mysql.url}/shop`, scale: 0.001 });
  await using root = await mysql.connect();
  await root.run(read("user.sql"));
  expect(await root.value("SELECT @@binlog_expire_logs_seconds / 86400 + 0e0")).toBe(7);
  const connection = await connectMysql({
    host: "127.0.0.1",
    port: mysql.process.port,
    user: "tallylake",
    password: new Secret("tallylake"),
    tls: { mode: "insecure", ca: null, cert: null, key: null },
    connectTimeoutMs: 5000,
  });
  try {
    const found = await preflight(connection, {
      include: [parseTablePattern("shop.*")],
      exclude: [],
      host: "mysql",
      choices: () => ({ decimalsAsText: [], ...BY_PRIMARY_KEY }),
    });
    expect(found.problems).toEqual([]);
    expect(found.tables.map(({ id }) => id.table).sort()).toEqual([...SHOP_TABLES].sort());
  } finally {
    await connection.close();
  }
});
