import type { Secret } from "../../util/secret.ts";

/** Where the cluster is and how to log in. */
export interface KafkaEndpoint {
  /** Some of its brokers as host:port; the others are learned from them. */
  readonly brokers: readonly string[];
  /** Names us in the brokers' logs and quotas. */
  readonly clientId: string;
  readonly tls: KafkaTls;
  /** Null: no login. */
  readonly sasl: KafkaSasl | null;
  readonly connectTimeoutMs: number;
  /** Longest wait for an answer; a broker that does not give one counts as lost. */
  readonly requestTimeoutMs: number;
}

export interface KafkaTls {
  /** `verify` checks the chain and the name; `insecure` encrypts without knowing for whom; `off` does not encrypt. */
  readonly mode: "verify" | "insecure" | "off";
  /** PEM texts; null for the authorities that Node trusts, and for no client certificate. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

export const PASSWORD_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
export type PasswordMechanism = (typeof PASSWORD_MECHANISMS)[number];

export type KafkaSasl =
  | { readonly mechanism: PasswordMechanism; readonly user: string; readonly password: Secret }
  | { readonly mechanism: "OAUTHBEARER"; readonly token: () => Promise<BearerToken> };

export interface BearerToken {
  readonly value: Secret;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Whom it stands for. */
  readonly principal: string;
}
