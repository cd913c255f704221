export type SaslMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "OAUTHBEARER";

/** All PEM texts. */
export interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  /** Authorities of clients. When it is there, a client must show a certificate. */
  readonly clientCa?: string;
}

/** One way for clients to a broker. */
export interface KafkaListener {
  /** Capital letters, digits and `_`; two names are taken, INTERNAL and CONTROLLER. */
  readonly name: string;
  readonly tls?: TlsOptions;
  /** Clients must say who they are, in one of these ways. */
  readonly sasl?: readonly SaslMechanism[];
  /** The host that clients are told. Default: 127.0.0.1; a certificate may be for `localhost`. */
  readonly host?: string;
}

/** A listener of one broker. */
export interface BoundListener extends KafkaListener {
  readonly port: number;
  /** The port that clients are told, that of a proxy for one. */
  readonly advertisedPort: number;
}

/** Names and their passwords. */
export type KafkaUsers = Readonly<Record<string, string>>;

export const LOOPBACK = "127.0.0.1";

const SECURITY = "org.apache.kafka.common.security";

/** Where clients are sent. */
export const advertisedAddress = (listener: BoundListener): string =>
  `${listener.host ?? LOOPBACK}:${listener.advertisedPort}`;

export function protocolOf(listener: KafkaListener): string {
  if (listener.sasl === undefined) return listener.tls === undefined ? "PLAINTEXT" : "SSL";
  return listener.tls === undefined ? "SASL_PLAINTEXT" : "SASL_SSL";
}

/** What a broker needs to know of a listener beside its address and protocol. */
export function listenerProperties(
  listener: KafkaListener,
  users: KafkaUsers,
): Readonly<Record<string, string>> {
  const { tls, sasl = [] } = listener;
  const settings = [
    ...(tls === undefined ? [] : tlsSettings(tls)),
    ...(sasl.length > 0 ? [["sasl.enabled.mechanisms", sasl.join(",")]] : []),
    ...sasl.map((mechanism) => [
      `${mechanism.toLowerCase()}.sasl.jaas.config`,
      loginModule(mechanism, users),
    ]),
  ];
  const prefix = `listener.name.${listener.name.toLowerCase()}`;
  return Object.fromEntries(settings.map(([name, value]) => [`${prefix}.${name}`, value]));
}

function tlsSettings({ key, certificate, clientCa }: TlsOptions): readonly (readonly [string, string])[] {
  return [
    ["ssl.keystore.type", "PEM"],
    ["ssl.keystore.key", key],
    ["ssl.keystore.certificate.chain", certificate],
    ...(clientCa === undefined
      ? []
      : ([
          ["ssl.truststore.type", "PEM"],
          ["ssl.truststore.certificates", clientCa],
          ["ssl.client.auth", "required"],
        ] as const)),
  ];
}

function loginModule(mechanism: SaslMechanism, users: KafkaUsers): string {
  switch (mechanism) {
    case "PLAIN": {
      const entries = Object.entries(users).map(([name, password]) => ` user_${name}=${quoted(password)}`);
      return `${SECURITY}.plain.PlainLoginModule required${entries.join("")};`;
    }
    // These users are in the metadata of the cluster, where its format puts them.
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-512":
      return `${SECURITY}.scram.ScramLoginModule required;`;
    // Without a validator of its own a broker takes tokens that nobody has signed, and must have one itself.
    case "OAUTHBEARER":
      return `${SECURITY}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`;
  }
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
