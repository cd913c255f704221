import { Secret } from "../../src/util/secret.ts";
import type { ClickHouseUrl } from "../../src/trace/clickhouse-connection.ts";

/** The server that TEST_CLICKHOUSE_URL names, with user and password in it; null when it names none. */
export function clickHouseServerForTests(): ClickHouseUrl | null {
  const text = process.env["TEST_CLICKHOUSE_URL"];
  if (text === undefined || text === "") return null;
  const url = new URL(text);
  const password = new Secret(decodeURIComponent(url.password));
  const user = url.username === "" ? "default" : decodeURIComponent(url.username);
  url.username = "";
  url.password = "";
  return { kind: "url", url: url.href, user, password };
}
