import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../is-there.ts";
import type { MysqlInstall } from "../mysql/install.ts";
import { noDataFolder, type InitializeOptions, type ServerRelease } from "../mysql/release.ts";
import { userFlags } from "../mysql/user-flags.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { installNew, installOld, shareOf } from "./install.ts";

/* The two MariaDB releases that we test with, for `MysqlServer`. */

export const MARIADB_10_11 = release("10.11", { install: installOld, sql: "mysql" });
export const MARIADB_11_4 = release("11.4", { install: installNew, sql: "mariadb" });

interface Program {
  readonly install: (notice: Notice) => Promise<MysqlInstall>;
  /** How the names of its SQL files begin. */
  readonly sql: string;
}

function release(version: string, { install, sql }: Program): ServerRelease {
  return {
    template: `mariadb-${version}`,
    // From 11.4 on it makes itself a certificate at each start, which takes seconds; who wants TLS asks for it.
    flags: ["--log-bin=binlog", "--binlog-format=ROW", "--skip-name-resolve", "--skip-ssl"],
    install,
    initialize: (folder, options) => initialize(folder, { ...options, sql }),
    isDataFolder: (path) => isThere(join(path, "ibdata1")),
  };
}

/** What `mariadb-install-db` does for a server of one machine, without the texts of HELP. */
async function initialize(
  folder: string,
  { install, flags, sql }: InitializeOptions & { readonly sql: string },
): Promise<void> {
  const names = [
    `${sql}_system_tables`,
    `${sql}_performance_tables`,
    `${sql}_system_tables_data`,
    "maria_add_gis_sp_bootstrap",
    `${sql}_sys_schema`,
  ];
  const share = shareOf(install);
  const texts = await Promise.all(names.map((name) => readFile(join(share, `${name}.sql`), "utf8")));
  // An account for the name of this machine would be one more to drop.
  const lines = texts
    .join("\n")
    .split("\n")
    .filter((line) => !line.includes("@current_hostname"));
  const input = ["create database mysql;", "use mysql;", "set @auth_root_socket=NULL;", ...lines, ""].join(
    "\n",
  );
  const args = [
    ...install.args,
    ...userFlags(),
    ...flags,
    "--bootstrap",
    `--datadir=${folder}`,
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--innodb-log-file-size=8M",
    "--enforce-storage-engine=",
    "--net-buffer-length=16K",
  ];
  await runCommand(install.command, args, { input }).catch(noDataFolder);
}
