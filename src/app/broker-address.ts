import net from "node:net";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export type BrokerResult =
  | { readonly ok: true; readonly broker: BrokerAddress }
  | { readonly ok: false; readonly message: string };

/**
 * Reads one `host:port`. A message fits behind the name of what holds it, and quotes nothing but a scheme: the rest
 * of what somebody takes for an address may be a password.
 */
export function parseBroker(text: string): BrokerResult {
  if (text === "") return refuse("is empty");
  const scheme = /^([a-z][a-z0-9+._-]{0,19}):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) return refuse(schemeMessage(scheme));
  if (text.includes("@")) {
    return refuse("must hold no user and no password; they stand in `channel.kafka.sasl`");
  }
  const match = /^(\[[^\]]*\]|[^:/?#[\]]*)(?::([^:/?#[\]]*))?(.*)$/s.exec(text);
  const [, host = "", port = "", rest = ""] = match ?? [];
  if (rest.startsWith(":")) return refuse("must have an IPv6 address in brackets, such as `[::1]:9092`");
  if (rest !== "") return refuse("must end behind the port");
  if (host.startsWith("[") ? !net.isIPv6(host.slice(1, -1)) : !HOST.test(host)) {
    return refuse("must begin with the name or the address of a host, such as `kafka-1:9092`");
  }
  if (port === "") return refuse("must be `host:port`; the port is missing, and 9092 is the usual one");
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) return refuse("must have a port of 1 to 65535");
  return { ok: true, broker: { host: host.replace(/^\[(.*)\]$/, "$1"), port: number } };
}

const HOST = /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?$/i;

/** What stands in front of a listener's address says how to connect to it, which is not part of the address here. */
function schemeMessage(scheme: string): string {
  const isListener = /^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$/i.test(scheme);
  const keys = isListener ? "; encryption and login have their own keys, `tls` and `sasl`" : "";
  return `must be \`host:port\`, without \`${scheme}://\` in front${keys}`;
}

const refuse = (message: string): BrokerResult => ({ ok: false, message });
