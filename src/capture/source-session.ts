import { GtidSet } from "../types/gtid.ts";
import { Secret } from "../util/secret.ts";
import { driverOptions, type SourceEndpoint } from "./connection-options.ts";
import { connectMysql } from "./connection.ts";
import type { ServerHistory } from "./history.ts";

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
  history(): Promise<ServerHistory>;
}

export function openSource(plain: PlainEndpoint): SourceSession {
  const endpoint = secretEndpoint(plain);
  return {
    driver: { ...driverOptions(endpoint) },
    history: () => readHistory(endpoint),
  };
}

async function readHistory(endpoint: SourceEndpoint): Promise<ServerHistory> {
  const connection = await connectMysql(endpoint);
  try {
    const [row] = await connection.query(
      "SELECT @@server_uuid, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged",
    );
    return {
      serverUuid: row?.[0] ?? "",
      executed: GtidSet.parse(row?.[1] ?? ""),
      purged: GtidSet.parse(row?.[2] ?? ""),
    };
  } finally {
    await connection.close();
  }
}
