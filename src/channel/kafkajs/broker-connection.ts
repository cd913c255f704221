/**
 * A connection to one broker by kafkajs: its sockets, framing, SASL and negotiation of versions. kafkajs is taken apart
 * at the seam where a request is bytes: what is above it (producer, consumer, cluster) loses or repeats records in
 * cases that our own requests (`kafka/messages.ts`) leave out. The internals that are used are those of 2.2.4, which
 * is pinned; the contract suite of the driver would show a change.
 */
import { createRequire } from "node:module";
import net from "node:net";
import tls from "node:tls";
import { syncError } from "../../types/errors.ts";
import { must } from "../../util/assert.ts";
import { isOutOfFiles, messageOf, codeOf, SyncError } from "../../util/errors.ts";
import { kafkaHint } from "../kafka/broker-error.ts";
import type { KafkaEndpoint, KafkaSasl, KafkaTls } from "../kafka/endpoint.ts";
import { FETCH, type BrokerAddress, type Message } from "../kafka/messages.ts";
import { WireReader, WireWriter } from "../kafka/wire.ts";

interface KafkajsConnection {
  isConnected(): boolean;
  connect(): Promise<unknown>;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  disconnect(): Promise<unknown>;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
  readonly socket: net.Socket;
  readonly requestQueue: {
    scheduleCheckPendingRequests: () => void;
    push(request: QueuedRequest): void;
  };
}

/** A request on its way in kafkajs, which finds the answer by the number and watches the time. */
interface QueuedRequest {
  readonly entry: {
    readonly apiKey: number;
    readonly apiName: string;
    readonly apiVersion: number;
    readonly correlationId: number;
    readonly resolve: (answer: { readonly payload: Buffer }) => void;
    readonly reject: (error: Error) => void;
  };
  readonly expectResponse: true;
  readonly requestTimeout: number;
  readonly sendRequest: () => void;
}

interface KafkajsPool {
  /** One for fetches, one for the rest. */
  readonly pool: readonly KafkajsConnection[];
}

interface KafkajsBroker {
  connect(): Promise<void>;
  readonly versions: Readonly<
    Record<number, { readonly minVersion: number; readonly maxVersion: number }>
  > | null;
}

interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly onConnect: () => void;
}

const require = createRequire(import.meta.url);
const Broker = require("kafkajs/src/broker") as new (options: object) => KafkajsBroker;
const ConnectionPool = require("kafkajs/src/network/connectionPool") as new (options: object) => KafkajsPool;

const FETCH_KEY = FETCH.key;
const KEEP_ALIVE_MS = 30_000;
/** How long before a login ends a new one is made. */
const REAUTHENTICATE_MS = 10_000;

/** Names that kafkajs gives to what a broker answers to a login. */
const LOGIN_TYPES: ReadonlySet<string> = new Set([
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
]);

const typeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "type" in error ? String(error.type) : "";

/** Codes of OpenSSL and of Node's own checks. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;

const quiet = (): void => undefined;
/** kafkajs logs each failure itself; ours are errors that say more. */
const SILENT: object = { namespace: () => SILENT, info: quiet, warn: quiet, error: quiet, debug: quiet };

export class BrokerConnection {
  readonly address: BrokerAddress;
  readonly #name: string;
  readonly #clientId: string;
  readonly #tls: KafkaTls["mode"];
  readonly #broker: KafkajsBroker;
  readonly #pool: KafkajsPool;
  readonly #sockets = new Set<net.Socket>();
  #isLost = false;
  /** Something other than how to talk to it. */
  #hasAnswered = false;

  private constructor(address: BrokerAddress, endpoint: KafkaEndpoint) {
    this.address = address;
    this.#name = `${address.host}:${address.port}`;
    this.#clientId = endpoint.clientId;
    this.#tls = endpoint.tls.mode;
    this.#pool = new ConnectionPool({
      host: address.host,
      port: address.port,
      clientId: endpoint.clientId,
      ssl: endpoint.tls.mode === "off" ? null : endpoint.tls,
      sasl: endpoint.sasl === null ? null : kafkajsSasl(endpoint.sasl),
      logger: SILENT,
      connectionTimeout: endpoint.connectTimeoutMs,
      requestTimeout: endpoint.requestTimeoutMs,
      reauthenticationThreshold: REAUTHENTICATE_MS,
      maxInFlightRequests: null,
      socketFactory: (request: SocketRequest) => this.#socket(request, endpoint.tls),
    });
    for (const connection of this.#pool.pool) {
      // Without a limit of requests in flight nothing is ever pending; the check would only set timers of negative time.
      connection.requestQueue.scheduleCheckPendingRequests = quiet;
    }
    this.#broker = new Broker({
      connectionPool: this.#pool,
      logger: SILENT,
      nodeId: address.nodeId,
      authenticationTimeout: endpoint.connectTimeoutMs,
    });
  }

  /** @throws SyncError KAFKA_UNREACHABLE, KAFKA_TLS, KAFKA_ACCESS_DENIED */
  static async open(address: BrokerAddress, endpoint: KafkaEndpoint): Promise<BrokerConnection> {
    const connection = new BrokerConnection(address, endpoint);
    try {
      await connection.#broker.connect();
      return connection;
    } catch (error) {
      connection.close();
      throw connectError(error, connection.#name, endpoint);
    }
  }

  /** Whether an answer may still come by it. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether the broker knows the message in our version. */
  knows({ key, version }: Pick<Message<unknown, unknown>, "key" | "version">): boolean {
    const range = this.#broker.versions?.[key];
    return range !== undefined && range.minVersion <= version && version <= range.maxVersion;
  }

  /**
   * Sends a request and waits for its answer; requests on one connection are answered in order.
   * @throws SyncError KAFKA_UNREACHABLE when no answer came: whether the broker did it is not known then.
   */
  async send<Request, Answer>(
    message: Message<Request, Answer>,
    request: Request,
    waitMs = 0,
  ): Promise<Answer> {
    const { name, key } = message;
    try {
      const connection = must(this.#pool.pool[key === FETCH_KEY ? 1 : 0], "a connection of the pool");
      if (!connection.isConnected()) await connection.connect();
      // Also when the login has nearly ended, which a session of a limited time does.
      if (!connection.isAuthenticated()) await connection.authenticate();
      const payload = await exchange(connection, message, { request, clientId: this.#clientId, waitMs });
      const reader = new WireReader(payload, name);
      if (message.isFlexible) reader.tags();
      this.#hasAnswered = true;
      return message.read(reader);
    } catch (error) {
      if (error instanceof SyncError) throw error;
      // An answer that comes too late must not be taken for another one's.
      this.close();
      throw syncError("KAFKA_UNREACHABLE", `${this.#name} did not answer ${name}: ${messageOf(error)}`, {
        hint: this.#hasAnswered ? kafkaHint("KAFKA_UNREACHABLE") : listenerHint(this.#tls),
        cause: error,
      });
    }
  }

  /** Ends it at once; what waits for an answer fails. */
  close(): void {
    this.#isLost = true;
    const error = new Error("the connection was closed");
    for (const connection of this.#pool.pool) {
      connection.rejectRequests(error);
      connection.disconnect().catch(quiet);
    }
    for (const socket of this.#sockets) socket.destroy();
  }

  #socket({ host, port, onConnect }: SocketRequest, options: KafkaTls): net.Socket {
    const socket =
      options.mode === "off"
        ? net.connect({ host, port }, onConnect)
        : tls.connect({ host, port, ...tlsOptions(options, host) }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#isLost = true;
    });
    return socket;
  }
}

/** Sends a request and gives the bytes of its answer, behind the number. */
function exchange<Request>(
  connection: KafkajsConnection,
  message: Message<Request, unknown>,
  {
    request,
    clientId,
    waitMs,
  }: { readonly request: Request; readonly clientId: string; readonly waitMs: number },
): Promise<Buffer> {
  const { name, key, version, isFlexible } = message;
  const correlationId = connection.nextCorrelationId();
  const writer = new WireWriter();
  writer.int16(key).int16(version).int32(correlationId).string(clientId);
  if (isFlexible) writer.noTags();
  message.write(writer, request);
  const length = Buffer.allocUnsafe(4);
  length.writeInt32BE(writer.byteLength);
  return new Promise((resolve, reject) => {
    connection.requestQueue.push({
      entry: {
        apiKey: key,
        apiName: name,
        apiVersion: version,
        correlationId,
        resolve: ({ payload }) => {
          resolve(payload);
        },
        reject,
      },
      expectResponse: true,
      requestTimeout: waitMs,
      sendRequest: () => {
        const { socket } = connection;
        socket.cork();
        socket.write(length);
        for (const piece of writer.pieces()) socket.write(piece);
        socket.uncork();
      },
    });
  });
}

function tlsOptions({ mode, ca, cert, key }: KafkaTls, host: string): tls.ConnectionOptions {
  return {
    rejectUnauthorized: mode === "verify",
    minVersion: "TLSv1.2",
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key: key.reveal() }),
  };
}

function kafkajsSasl(sasl: KafkaSasl): object {
  if (sasl.mechanism === "OAUTHBEARER") {
    return {
      mechanism: "oauthbearer",
      oauthBearerProvider: async () => ({ value: (await sasl.token()).value.reveal() }),
    };
  }
  return {
    mechanism: sasl.mechanism.toLowerCase(),
    username: sasl.user,
    password: sasl.password.reveal(),
  };
}

function connectError(error: unknown, broker: string, { tls: { mode } }: KafkaEndpoint): SyncError {
  if (error instanceof SyncError) return error;
  const text = messageOf(error);
  const name = error instanceof Error ? error.name : "";
  const make = (code: Parameters<typeof syncError>[0], hint: string): SyncError =>
    syncError(code, `cannot connect to ${broker}: ${text}`, { hint, cause: error });
  if (isOutOfFiles(error)) {
    return make("TOO_MANY_OPEN_FILES", "raise the limit of open files (ulimit -n) to at least 1024");
  }
  if (name === "KafkaJSSASLAuthenticationError" || LOGIN_TYPES.has(typeOf(error))) {
    return make("KAFKA_ACCESS_DENIED", kafkaHint("KAFKA_ACCESS_DENIED"));
  }
  if (TLS_CODES.test(codeOf(error))) {
    return make("KAFKA_TLS", kafkaHint("KAFKA_TLS"));
  }
  return make("KAFKA_UNREACHABLE", listenerHint(mode));
}

/** Of a broker that never said anything. */
const listenerHint = (mode: KafkaTls["mode"]): string =>
  mode === "off"
    ? "check channel.kafka.brokers and that the brokers run; a listener that wants TLS or SASL closes a plain connection at once"
    : "check channel.kafka.brokers and that the brokers run; a listener without TLS closes an encrypted connection at once";
