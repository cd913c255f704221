import net from "node:net";
import type { Secret } from "../util/secret.ts";
import { signEd25519 } from "./mariadb/ed25519.ts";

/** Where the source is and how to log in. */
export interface SourceEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
  readonly tls: SourceTls;
  readonly connectTimeoutMs: number;
}

export interface SourceTls {
  /** `verify` checks the chain and the name; `insecure` encrypts without knowing for whom; `off` does not encrypt. */
  readonly mode: "verify" | "insecure" | "off";
  /** PEM texts; null for the authorities that Node trusts, and for no client certificate. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

/** What MariaDB's login by Ed25519 has signed; the packet may hold a zero behind it. */
const CHALLENGE_BYTES = 32;
const KEEP_ALIVE_MS = 30_000;

interface DriverTls {
  readonly rejectUnauthorized: boolean;
  readonly verifyIdentity: boolean;
  readonly minVersion: "TLSv1.2";
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Options of the MySQL driver, for our own connections and for the one that zongji opens. */
export interface DriverOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly connectTimeout: number;
  readonly flags: string[];
  readonly charset: string;
  readonly rowsAsArray: true;
  readonly multipleStatements: false;
  readonly trace: false;
  readonly keepAliveInitialDelay: number;
  /** Ways to log in that the driver does not have itself, by their names. */
  readonly authPlugins: Readonly<Record<string, () => (challenge: Buffer) => Buffer>>;
  readonly ssl?: DriverTls;
  readonly stream?: () => net.Socket;
}

/**
 * The result holds the password in the clear, so it goes to the driver and nowhere else. Every call makes
 * new objects: the driver keeps TLS sessions for each `ssl` object, and a resumed session skips the checks.
 */
export function driverOptions(endpoint: SourceEndpoint): DriverOptions {
  const ssl = driverTls(endpoint.tls);
  return {
    host: endpoint.host,
    port: endpoint.port,
    user: endpoint.user,
    password: endpoint.password.reveal(),
    connectTimeout: endpoint.connectTimeoutMs,
    // A server could ask for any file of this machine otherwise.
    flags: ["-LOCAL_FILES"],
    charset: "UTF8MB4_GENERAL_CI",
    rowsAsArray: true,
    multipleStatements: false,
    trace: false,
    // A peer that vanished is noticed by the kernel, also while a long statement has nothing to say.
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    authPlugins: { client_ed25519: () => (data) => signChallenge(endpoint, data) },
    ...(ssl === null ? {} : { ssl }),
    ...(ssl !== null && net.isIP(endpoint.host) !== 0 ? { stream: () => socketToAddress(endpoint) } : {}),
  };
}

function signChallenge({ password }: SourceEndpoint, data: Buffer): Buffer {
  return signEd25519(Buffer.from(password.reveal(), "utf8"), data.subarray(0, CHALLENGE_BYTES));
}

function driverTls(tls: SourceTls): DriverTls | null {
  if (tls.mode === "off") return null;
  const verify = tls.mode === "verify";
  return {
    rejectUnauthorized: verify,
    verifyIdentity: verify,
    minVersion: "TLSv1.2",
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
  };
}

/**
 * For an address the driver passes no name to `tls.connect`, and Node then compares the certificate with the
 * name that the socket looked up, or "localhost" when there was none. Naming the address on the socket makes
 * it compare with the address.
 */
function socketToAddress(endpoint: SourceEndpoint): net.Socket {
  const socket = net.connect(endpoint.port, endpoint.host);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  Object.defineProperty(socket, "_host", { value: endpoint.host });
  return socket;
}
