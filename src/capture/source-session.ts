import { syncError } from "../types/errors.ts";
import { Secret } from "../util/secret.ts";
import { driverOptions, type SourceEndpoint } from "./connection-options.ts";
import { connectMysql, type MysqlConnection } from "./connection.ts";
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
  const { dialect } = connection;
  const read = async (): Promise<ServerHistory> => {
    const openXa = withXa ? await dialect.readOpenXa(connection) : null;
    return { ...(await dialect.readHistory(connection)), openXa };
  };
  const history = await read();
  const isOther = serverUuid !== null && serverUuid !== history.serverUuid;
  if (isOther || history.executed.includes(awaited)) return history;
  await dialect.awaitExecuted(connection, awaited, waitMs);
  return read();
}
