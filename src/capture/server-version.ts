import { syncError } from "../types/errors.ts";
import type { Dialect } from "./dialect.ts";
import { MARIADB } from "./mariadb/dialect.ts";
import { MYSQL } from "./mysql-dialect.ts";
import { isAtLeast, parseServerVersion, type ServerVersion } from "./server-number.ts";

/** The oldest MySQL whose binlog names its columns. */
const OLDEST_MYSQL: ServerVersion = [8, 0, 0];
/** Between these are the two that we test with. */
const OLDEST_MARIADB: ServerVersion = [10, 11, 0];
const BEYOND_MARIADB: ServerVersion = [11, 5, 0];
/** What MariaDB says in front of its version, so that old replicas of MySQL took it for one of theirs. */
const DISGUISE = /^5\.5\.5-/;

/**
 * How to talk to this server, if we can follow it at all: decided before anything else is asked of it, because
 * servers do not know each other's settings.
 * @throws SyncError SOURCE_NOT_SUPPORTED
 */
export function dialectOf(text: string): Dialect {
  if (/mariadb/i.test(text)) return mariadbDialect(text.replace(DISGUISE, ""));
  if (isAtLeast(parseServerVersion(text), OLDEST_MYSQL)) return MYSQL;
  throw syncError("SOURCE_NOT_SUPPORTED", `the source is MySQL ${text}, which is too old to follow`, {
    hint: "upgrade it to MySQL 8.0 or later: only then its binlog holds the names of the columns",
  });
}

function mariadbDialect(text: string): Dialect {
  const version = parseServerVersion(text);
  const isOld = !isAtLeast(version, OLDEST_MARIADB);
  if (!isOld && !isAtLeast(version, BEYOND_MARIADB)) return MARIADB;
  const why = isOld ? "which is too old to follow" : "which is newer than this version knows";
  throw syncError("SOURCE_NOT_SUPPORTED", `the source is MariaDB ${text}, ${why}`, {
    hint: "use MariaDB 10.11 or 11.4, or MySQL 8.0 or later",
  });
}
