import { MysqlServer } from "../../scripts/mysql/server.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import { privateServer } from "./test-mysql.ts";

/** What the global setup tells the workers. */
export type SharedMysql = { readonly url: string } | { readonly missing: string };

/**
 * Why this machine can have no MySQL server of ours, or null when it can.
 *
 * @throws SyncError (SETUP) instead of a reason under CI, where nothing may be skipped.
 */
export async function missingMysql(): Promise<string | null> {
  try {
    await MysqlServer.install(() => undefined);
    return null;
  } catch (error) {
    if (!isSetupError(error) || process.env["CI"] === "true") throw error;
    return `${error.message}; ${error.hint}`;
  }
}

/** Starts the shared server: the user's, or one of ours that ends when this process does. */
export async function startSharedMysql(): Promise<{ shared: SharedMysql; server: MysqlServer | null }> {
  const url = process.env["TEST_MYSQL_URL"];
  if (url !== undefined && url !== "") return { shared: { url }, server: null };
  const missing = await missingMysql();
  if (missing !== null) return { shared: { missing }, server: null };
  const { process: server } = await privateServer();
  return { shared: { url: server.url }, server };
}
