import { syncError } from "../types/errors.ts";
import { codeOf, isOutOfFiles, messageOf, SyncError } from "../util/errors.ts";

/** Error numbers of the server, from its "Server Error Message Reference". */
const CODE_OF_ERRNO: ReadonlyMap<number, DriverCode> = new Map([
  [1040, "SOURCE_BUSY"], // too many connections
  [1044, "SOURCE_ACCESS_DENIED"],
  [1045, "SOURCE_ACCESS_DENIED"],
  [1049, "TABLE_ABSENT"], // unknown database
  [1053, "SOURCE_CONNECTION_LOST"], // server shutdown in progress
  [1129, "SOURCE_ACCESS_DENIED"], // host blocked
  [1130, "SOURCE_ACCESS_DENIED"], // host not allowed
  [1142, "SOURCE_GRANT_MISSING"],
  [1143, "SOURCE_GRANT_MISSING"],
  [1146, "TABLE_ABSENT"],
  [1203, "SOURCE_BUSY"], // max_user_connections
  [1205, "SOURCE_BUSY"], // lock wait timeout
  [1213, "SOURCE_BUSY"], // deadlock
  [1226, "SOURCE_BUSY"], // account resource limit
  [1227, "SOURCE_GRANT_MISSING"],
  [1317, "SOURCE_CONNECTION_LOST"], // query interrupted: KILL QUERY, shutdown
  [1370, "SOURCE_GRANT_MISSING"],
  [1698, "SOURCE_ACCESS_DENIED"],
  [1820, "SOURCE_ACCESS_DENIED"], // password must be changed
  [1862, "SOURCE_ACCESS_DENIED"], // password expired
  [3118, "SOURCE_ACCESS_DENIED"], // account locked
  [3159, "SOURCE_TLS"], // server takes encrypted connections only
  [3169, "SOURCE_CONNECTION_LOST"], // session killed
  [3955, "SOURCE_ACCESS_DENIED"], // account blocked by failed logins
  [4031, "SOURCE_CONNECTION_LOST"], // closed for inactivity
]);

/** Codes of Node's sockets and of the driver. */
const CODE_OF_NAME: ReadonlyMap<string, DriverCode> = new Map([
  ["ECONNREFUSED", "SOURCE_UNREACHABLE"],
  ["ENOTFOUND", "SOURCE_UNREACHABLE"],
  ["EAI_AGAIN", "SOURCE_UNREACHABLE"],
  ["EHOSTUNREACH", "SOURCE_UNREACHABLE"],
  ["ENETUNREACH", "SOURCE_UNREACHABLE"],
  ["EADDRNOTAVAIL", "SOURCE_UNREACHABLE"],
  ["ETIMEDOUT", "SOURCE_UNREACHABLE"],
  ["ECONNRESET", "SOURCE_CONNECTION_LOST"],
  ["EPIPE", "SOURCE_CONNECTION_LOST"],
  ["ERR_STREAM_DESTROYED", "SOURCE_CONNECTION_LOST"],
  ["PROTOCOL_CONNECTION_LOST", "SOURCE_CONNECTION_LOST"],
  ["PROTOCOL_ERROR", "SOURCE_CONNECTION_LOST"],
  ["PROTOCOL_UNEXPECTED_PACKET", "SOURCE_CONNECTION_LOST"],
  ["HANDSHAKE_NO_SSL_SUPPORT", "SOURCE_TLS"],
  ["HANDSHAKE_SSL_ERROR", "SOURCE_TLS"],
  ["AUTH_SWITCH_PLUGIN_ERROR", "SOURCE_ACCESS_DENIED"],
  ["MYSQL_CLEAR_PASSWORD_NOT_ENABLED", "SOURCE_ACCESS_DENIED"],
]);

type DriverCode =
  | "SOURCE_UNREACHABLE"
  | "SOURCE_ACCESS_DENIED"
  | "SOURCE_TLS"
  | "SOURCE_CONNECTION_LOST"
  | "SOURCE_GRANT_MISSING"
  | "SOURCE_BUSY"
  | "SOURCE_QUERY_FAILED"
  | "TABLE_ABSENT"
  | "TOO_MANY_OPEN_FILES";

const HINTS: Readonly<Record<DriverCode, string>> = {
  SOURCE_UNREACHABLE:
    "check host and port of source.url, that MySQL runs there, and that no firewall is between",
  SOURCE_ACCESS_DENIED:
    "check the user and the password of source.url, and from which hosts the account may log in",
  SOURCE_TLS:
    "give the authority of the server's certificate as source.tls.ca, or set source.tls to `insecure` or `off` if the network is trusted",
  SOURCE_CONNECTION_LOST: "try again; if it keeps happening look into the server's error log",
  SOURCE_GRANT_MISSING: "run `tallylake check`: it lists every missing grant with its statement",
  SOURCE_BUSY: "try again when the server is less busy, or raise the limit that the message names",
  SOURCE_QUERY_FAILED: "look into the server's error log; the statement is one of ours",
  TABLE_ABSENT: "check the names under `tables` in the config",
  TOO_MANY_OPEN_FILES: "raise the limit of open files (ulimit -n) to at least 1024 and start again",
};

interface DriverErrorContext {
  /** The step that failed: `connect to db:3306`, `read shop.orders`. */
  readonly step: string;
  /** While the connection is being opened a lost one counts as unreachable. */
  readonly connecting?: boolean;
}

/** The error number that the server gave, or 0. */
export function errnoOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("errno" in error)) return 0;
  return typeof error.errno === "number" && error.errno > 0 ? error.errno : 0;
}

/** What the driver threw, as an operating error; an error that is one already stays as it is. */
export function driverError(error: unknown, context: DriverErrorContext): SyncError {
  if (error instanceof SyncError) return error;
  const code = codeOfDriverError(error, context.connecting === true);
  const number = errnoOf(error);
  const detail = [number === 0 ? codeOf(error) : `error ${number}`, messageOf(error)].filter((s) => s !== "");
  return syncError(code, `cannot ${context.step}: ${detail.join(": ")}`, { hint: HINTS[code], cause: error });
}

function codeOfDriverError(error: unknown, connecting: boolean): DriverCode {
  if (errnoOf(error) === 0 && isOutOfFiles(error)) return "TOO_MANY_OPEN_FILES";
  const known = CODE_OF_ERRNO.get(errnoOf(error)) ?? CODE_OF_NAME.get(codeOf(error));
  // The driver refuses commands on a connection that it has lost with an error that has no code.
  const fatal = typeof error === "object" && error !== null && "fatal" in error && error.fatal === true;
  const code = known ?? (fatal ? "SOURCE_CONNECTION_LOST" : "SOURCE_QUERY_FAILED");
  if (connecting) return code === "SOURCE_CONNECTION_LOST" ? "SOURCE_UNREACHABLE" : code;
  return code === "SOURCE_UNREACHABLE" ? "SOURCE_CONNECTION_LOST" : code;
}
