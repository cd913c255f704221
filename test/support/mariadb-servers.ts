import { MARIADB_10_11, MARIADB_11_4 } from "../../scripts/mariadb/release.ts";
import { MysqlServer, type MysqlServerOptions } from "../../scripts/mysql/server.ts";
import type { ServerRelease } from "../../scripts/mysql/release.ts";
import { PrivateMysql, TestMysql } from "./test-mysql.ts";

export type MariadbVersion = "10.11" | "11.4";

export const MARIADB_VERSIONS: readonly MariadbVersion[] = ["10.11", "11.4"];

/** Where the global setup has started one server of each version. */
export type MariadbUrls = Readonly<Record<MariadbVersion, string>>;

const RELEASES: Readonly<Record<MariadbVersion, ServerRelease>> = {
  "10.11": MARIADB_10_11,
  "11.4": MARIADB_11_4,
};

/** What MariaDB knows of MySQL's collations of all characters. */
const CHARSET = "UTF8MB4_GENERAL_CI";

export const mariadbAt = (url: string): TestMysql => new TestMysql(url, CHARSET);

/** A MariaDB of the test's own. */
export async function privateMariadb(
  version: MariadbVersion,
  flags: readonly string[] = [],
  options: Omit<MysqlServerOptions, "release"> = {},
): Promise<PrivateMysql> {
  const release = RELEASES[version];
  const server = await MysqlServer.start(flags, { notice: () => undefined, ...options, release });
  return new PrivateMysql(server, CHARSET);
}
