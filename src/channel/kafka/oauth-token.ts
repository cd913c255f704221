/** Tokens for OAUTHBEARER: one that was given, or one that an OAuth server gives for a client's secret. */
import { syncError } from "../../types/errors.ts";
import { isLoopback } from "../../util/address.ts";
import { assert, must } from "../../util/assert.ts";
import { codeOf, messageOf, SyncError } from "../../util/errors.ts";
import { printable } from "../../util/printable.ts";
import { Secret } from "../../util/secret.ts";
import type { BearerToken } from "./endpoint.ts";

/** What a JWT says of itself. */
export interface JwtClaims {
  /** Whom it stands for. */
  readonly subject: string | null;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number | null;
}

/** Null when the text is no JWT. The signature is for the brokers to check. */
export function jwtClaims(token: string): JwtClaims | null {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)?.[1];
  if (payload === undefined) return null;
  const claims = jsonObject(Buffer.from(payload, "base64url").toString());
  if (claims === null) return null;
  const { sub, exp } = claims;
  return {
    subject: typeof sub === "string" && sub !== "" ? sub : null,
    expiresAtMs: typeof exp === "number" && Number.isFinite(exp) ? Math.floor(exp * 1000) : null,
  };
}

/**
 * A token that is never renewed. It must be a JWT with `exp`.
 * The function that is returned throws SyncError KAFKA_ACCESS_DENIED when the token has expired.
 */
export function staticToken(
  token: Secret,
  { now }: { readonly now: () => number },
): () => Promise<BearerToken> {
  const claims = jwtClaims(token.reveal());
  const expiresAtMs = must(claims?.expiresAtMs, "the end of the token");
  const principal = claims?.subject ?? "unknown";
  return async () => {
    if (now() < expiresAtMs) return { value: token, expiresAtMs, principal };
    const time = new Date(expiresAtMs).toISOString();
    throw syncError("KAFKA_ACCESS_DENIED", `the token of channel.kafka.sasl expired at ${time}`, {
      hint: "give a new one as channel.kafka.sasl.token and start again, or let tokens be renewed by channel.kafka.sasl.tokenEndpoint",
    });
  };
}

/** Who asks which OAuth server for tokens. */
export interface TokenClient {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Null: what the server gives without being asked for anything. */
  readonly scope: string | null;
  /** Longest wait for the whole answer. */
  readonly timeoutMs: number;
}

export interface TokenIo {
  readonly fetch: typeof fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Why the secret must not be sent there, in words that fit behind the name of the key; null when it may. */
export function tokenEndpointProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return "must have the form `https://host/path`";
  if (url.username !== "" || url.password !== "") {
    return "must hold no user and no password; `clientId` and `clientSecret` stand beside it";
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"))) {
    return "must begin with `https://`: the client's secret would cross the network in the clear";
  }
  return null;
}

/**
 * Tokens by the client credentials grant (RFC 6749, 4.4). One is used for 80 % of its life, by whoever asks, and
 * there is one request at a time.
 * The function that is returned throws SyncError KAFKA_ACCESS_DENIED when the server gives no token, KAFKA_TLS when it
 * cannot be trusted, and KAFKA_UNREACHABLE when it may give one later.
 */
export function clientCredentialsToken(client: TokenClient, io: TokenIo): () => Promise<BearerToken> {
  assert(tokenEndpointProblem(client.tokenEndpoint) === null, "the token endpoint is not safe");
  const cache = new TokenCache(client, io);
  return () => cache.token();
}

/** The life of a token that is used. What is left is for the connections that were made with it last. */
const USED_SHARE = 0.8;
/** How soon a server that did not answer is asked again, while the token at hand is still good. */
const ASK_AGAIN_MS = 10_000;

class TokenCache {
  readonly #client: TokenClient;
  readonly #io: TokenIo;
  #held: { readonly token: BearerToken; readonly renewAtMs: number } | null = null;
  #asking: Promise<BearerToken> | null = null;

  constructor(client: TokenClient, io: TokenIo) {
    this.#client = client;
    this.#io = io;
  }

  async token(): Promise<BearerToken> {
    if (this.#held !== null && this.#io.now() < this.#held.renewAtMs) return this.#held.token;
    this.#asking ??= this.#renew().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #renew(): Promise<BearerToken> {
    const askedMs = this.#io.now();
    try {
      const token = await askForToken(this.#client, this.#io);
      this.#held = { token, renewAtMs: askedMs + (token.expiresAtMs - askedMs) * USED_SHARE };
      return token;
    } catch (error) {
      const token = this.#held?.token;
      const nowMs = this.#io.now();
      // While the server is away, the token at hand does as long as it lives.
      const isAway = error instanceof SyncError && error.retryable;
      if (!isAway || token === undefined || token.expiresAtMs <= nowMs) throw error;
      this.#held = { token, renewAtMs: Math.min(token.expiresAtMs, nowMs + ASK_AGAIN_MS) };
      return token;
    }
  }
}

async function askForToken(client: TokenClient, { fetch, now }: TokenIo): Promise<BearerToken> {
  const askedMs = now();
  const { status, text } = await post(client, fetch);
  const answer = text === null ? null : jsonObject(text);
  if (status !== 200) throw statusError(client, status, answer);
  if (answer === null) {
    throw denied(client, text === null ? TOO_LONG : "gave an answer that is no JSON object", WRONG_PLACE);
  }
  const { access_token: value, token_type: type, expires_in: seconds } = answer;
  if (typeof value !== "string" || !TOKEN.test(value)) {
    throw denied(client, "gave an answer without a usable access_token", WRONG_PLACE);
  }
  if (typeof type === "string" && type.toLowerCase() !== "bearer") {
    throw denied(client, "gave a token that is no bearer token", WRONG_PLACE);
  }
  const claims = jwtClaims(value);
  const lifeMs = positive(seconds) * 1000;
  // The life that is told counts from now, so a clock that differs from the server's does no harm.
  const expiresAtMs = lifeMs > 0 ? askedMs + lifeMs : (claims?.expiresAtMs ?? 0);
  if (expiresAtMs <= askedMs) {
    throw denied(client, "gave a token without a time that it is good for", WRONG_PLACE);
  }
  return { value: new Secret(value), expiresAtMs, principal: claims?.subject ?? client.clientId };
}

/** Zero for what is no number above it. Some servers write numbers as text. */
function positive(value: unknown): number {
  const number = typeof value === "string" || typeof value === "number" ? Number(value) : 0;
  return Number.isFinite(number) && number > 0 ? Math.floor(number) : 0;
}

/** What may stand behind `Bearer` (RFC 6750); in particular no control character, which ends a field in SASL. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Far more than a token takes, and than a broker accepts as one. */
const ANSWER_BYTES_MAX = 512 * 1024;
const TOO_LONG = `gave an answer of more than ${ANSWER_BYTES_MAX / 1024} KiB`;

interface Answer {
  readonly status: number;
  /** Null when it is too long. */
  readonly text: string | null;
}

async function post(client: TokenClient, fetchUrl: typeof fetch): Promise<Answer> {
  const { tokenEndpoint, clientId, clientSecret, scope, timeoutMs } = client;
  const login = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret.reveal())}`;
  const fields = { grant_type: "client_credentials", ...(scope === null ? {} : { scope }) };
  try {
    const response = await fetchUrl(tokenEndpoint, {
      method: "POST",
      // Wherever a redirect leads to, nobody has allowed to send the secret there.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: "application/json",
        authorization: `Basic ${Buffer.from(login).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: new URLSearchParams(fields).toString(),
    });
    return { status: response.status, text: await boundedText(response) };
  } catch (error) {
    throw transportError(client, error);
  }
}

async function boundedText({ body }: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the rest.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

const WRONG_PLACE = "make channel.kafka.sasl.tokenEndpoint the address at which an OAuth server gives tokens";

/** RFC 6749, 5.2 has the names of what is wrong with a request; they come with 400 or 401. */
function statusError(
  client: TokenClient,
  status: number,
  answer: Readonly<Record<string, unknown>> | null,
): Error {
  if (status === 408 || status === 429 || status >= 500) {
    return unreachable(client, `answers with status ${status}`, { hint: AGAIN });
  }
  const { error } = answer ?? {};
  const name = typeof error === "string" && /^[\w.-]{1,60}$/.test(error) ? error : null;
  if (name === null && status !== 401 && status !== 403) {
    const redirect = status >= 300 && status < 400 ? ", a redirect, which is not followed" : "";
    return denied(client, `answers with status ${status}${redirect}`, WRONG_PLACE);
  }
  return denied(
    client,
    `refuses the request with status ${status}${name === null ? "" : ` (${name})`}${explanation(client, answer)}`,
    "check channel.kafka.sasl: clientId, clientSecret and scope must be those of a client that may use the client credentials grant",
  );
}

const EXPLANATION_LENGTH_MAX = 200;

/** The server's own words, unless it repeats the secret in them. */
function explanation(
  { clientSecret }: TokenClient,
  answer: Readonly<Record<string, unknown>> | null,
): string {
  const text = answer?.["error_description"];
  if (typeof text !== "string" || text === "" || text.includes(clientSecret.reveal())) return "";
  return `: ${printable(text.slice(0, EXPLANATION_LENGTH_MAX))}`;
}

const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;

const AGAIN = "check that the server of channel.kafka.sasl.tokenEndpoint runs; it is asked again by itself";

function transportError(client: TokenClient, error: unknown): Error {
  if (error instanceof Error && error.name === "TimeoutError") {
    return unreachable(client, `gave no answer within ${client.timeoutMs} ms`, { hint: AGAIN, cause: error });
  }
  // `fetch` only says that it failed; what it failed of is the cause.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const reason = codeOf(cause) || messageOf(cause);
  if (TLS_CODES.test(reason)) {
    return syncError(
      "KAFKA_TLS",
      `${serverName(client)} shows a certificate that cannot be trusted (${reason})`,
      {
        hint: "name the file of its authority in the environment variable NODE_EXTRA_CA_CERTS; channel.kafka.tls.ca is for the brokers only",
        cause: error,
      },
    );
  }
  return unreachable(client, `cannot be reached (${reason})`, { hint: AGAIN, cause: error });
}

/** Without what stands behind the host, where a query could hold anything. */
const serverName = ({ tokenEndpoint }: TokenClient): string =>
  `the token server ${new URL(tokenEndpoint).origin}`;

const denied = (client: TokenClient, what: string, hint: string): SyncError =>
  syncError("KAFKA_ACCESS_DENIED", `${serverName(client)} ${what}`, { hint });

const unreachable = (
  client: TokenClient,
  what: string,
  remedy: { readonly hint: string; readonly cause?: unknown },
): SyncError => syncError("KAFKA_UNREACHABLE", `${serverName(client)} ${what}`, remedy);
