import { join } from "node:path";
import { messageOf } from "../../src/util/errors.ts";
import { isThere } from "../is-there.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { installMysql, type MysqlInstall } from "./install.ts";
import { userFlags } from "./user-flags.ts";

/** What is different from one server program to the next; all else of running one is the same. */
export interface ServerRelease {
  /** Of the folder in the cache that holds data of servers that have never run. */
  readonly template: string;
  /** Flags of every server, before those that a caller gives. */
  readonly flags: readonly string[];
  install(notice: Notice): Promise<MysqlInstall>;
  /** Fills the empty folder with the data of a server that has never run, with root and without a password. */
  initialize(folder: string, options: InitializeOptions): Promise<void>;
  /** Whether `path` holds the data of a server. */
  isDataFolder(path: string): Promise<boolean>;
}

export interface InitializeOptions {
  readonly install: MysqlInstall;
  readonly flags: readonly string[];
}

/** Debian's MySQL. */
export const MYSQL: ServerRelease = {
  template: "mysql",
  flags: ["--mysqlx=OFF", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"],
  install: installMysql,
  initialize: async (folder, { install, flags }) => {
    await runCommand(install.command, [
      ...install.args,
      ...userFlags(),
      ...flags,
      "--initialize-insecure",
      `--datadir=${folder}`,
      "--innodb-flush-method=nosync",
      "--innodb-doublewrite=OFF",
      // Less to copy; a server makes its redo log as large as its own flags say.
      "--innodb-redo-log-capacity=8M",
    ]).catch(noDataFolder);
  },
  isDataFolder: (path) => isThere(join(path, "mysql.ibd")),
};

export function noDataFolder(cause: unknown): never {
  throw setupError(`mysqld could not make a data folder: ${messageOf(cause)}`, {
    hint: "check the flags and the free space of the disk",
    cause,
  });
}
