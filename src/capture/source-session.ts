import { syncError } from "../types/errors.ts";
import { GtidSet } from "../types/gtid.ts";
import { Secret } from "../util/secret.ts";
import { driverOptions, type SourceEndpoint } from "./connection-options.ts";
import { connectMysql, type MysqlConnection } from "./connection.ts";
import { readOpenXa } from "./watermark.ts";
import type { HistoryRequest, ServerHistory } from "./history.ts";

/** An endpoint as plain data, to cross the border of a thread: a Secret does not survive the copy. */
export type PlainEndpoint = Omit<SourceEndpoint, "password" | "tls"> & {
  readonly password: string;
  readonly tls: Omit<SourceEndpoint["tls"], "key"> & { readonly key: string | null };
};

export const plainEndpoint = (endpoint: SourceEndpoint): PlainEndpoint => ({
  ...endpoint,
  password: endpoint.password.reveal(),
  tls: { ...endpoint.tls, key: endpoint.tls.key?.reveal() ?? null },
});

const secretEndpoint = (plain: PlainEndpoint): SourceEndpoint => ({
  ...plain,
  password: new Secret(plain.password),
  tls: { ...plain.tls, key: plain.tls.key === null ? null : new Secret(plain.tls.key) },
});

/** What the binlog reader needs of the server beside the dump connection. */
export interface SourceSession {
  readonly driver: Readonly<Record<string, unknown>>;
  history(request: HistoryRequest): Promise<ServerHistory>;
}

export function openSource(plain: PlainEndpoint): SourceSession {
  const endpoint = secretEndpoint(plain);
  return {
    driver: { ...driverOptions(endpoint) },
    history: (request) => readHistory(endpoint, request),
  };
}

async function readHistory(endpoint: SourceEndpoint, request: HistoryRequest): Promise<ServerHistory> {
  const limit = AbortSignal.timeout(endpoint.connectTimeoutMs + request.waitMs + request.answerMsMax);
  const signal = AbortSignal.any([request.signal, limit]);
  try {
    const connection = await connectMysql(endpoint, signal);
    const onAbort = (): void => connection.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const history = await askHistory(connection, request);
      await connection.close();
      return history;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  } catch (error) {
    if (!limit.aborted || request.signal.aborted) throw error;
    throw syncError("BINLOG_SILENT", `the source at ${endpoint.host}:${endpoint.port} does not answer`, {
      hint: "it is asked again by itself; look at the network between here and the source",
      cause: error,
    });
  }
}

/** The history as it is when what was read counts as executed, or when the wait for that is over. */
export async function askHistory(
  connection: MysqlConnection,
  {
    awaited,
    serverUuid,
    waitMs,
    withXa,
  }: Pick<HistoryRequest, "awaited" | "serverUuid" | "waitMs" | "withXa">,
): Promise<ServerHistory> {
  const history = await selectHistory(connection, withXa);
  const isOther = serverUuid !== null && serverUuid !== history.serverUuid;
  if (isOther || history.executed.includes(awaited)) return history;
  await connection.query("SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", [awaited.toString(), waitMs / 1000]);
  return selectHistory(connection, withXa);
}

/** @throws SyncError SOURCE_SETTING when the server cannot be asked by GTIDs any more */
async function selectHistory(connection: MysqlConnection, withXa: boolean): Promise<ServerHistory> {
  const openXa = withXa ? await readOpenXa(connection) : null;
  const [row] = await connection.query(
    "SELECT @@server_uuid, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged, @@GLOBAL.gtid_mode",
  );
  const [uuid, executed, purged, mode] = row ?? [];
  if (mode !== "ON") {
    throw syncError("SOURCE_SETTING", `gtid_mode is ${mode ?? "unknown"}: positions are GTIDs`, {
      hint: "SET PERSIST gtid_mode = ON; if transactions without GTID were written meanwhile, take the snapshot again",
    });
  }
  return {
    serverUuid: uuid ?? "",
    executed: GtidSet.parse(executed ?? ""),
    purged: GtidSet.parse(purged ?? ""),
    openXa,
  };
}
