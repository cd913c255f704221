import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { clientCredentialsToken, type TokenClient } from "../../src/channel/kafka/oauth-token.ts";
import { SyncError } from "../../src/util/errors.ts";
import { Secret } from "../../src/util/secret.ts";

/** What `clientOf` says that it knows. */
export const CANARY = "c4nary:s3cret/+%";
/** Where its clock begins. */
export const NOW = Date.UTC(2026, 10, 21);

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void;

/** An OAuth server on the loopback address that answers as it is told to, and remembers what it was asked. */
export async function tokenServer(first: Answer) {
  const asked: Asked[] = [];
  let answer = first;
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      asked.push(one);
      answer(response, one);
    });
  };
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    asked,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become: (next: Answer): void => {
      answer = next;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export const json =
  (value: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
export const raw =
  (text: string, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(text);
  };

/** A client of the server, with a clock that is moved by hand. */
export function clientOf(origin: string, more: Partial<TokenClient> = {}) {
  const clock = { ms: NOW };
  const token = clientCredentialsToken(
    {
      tokenEndpoint: `${origin}/token`,
      clientId: "me",
      clientSecret: new Secret(CANARY),
      scope: null,
      timeoutMs: 5000,
      ...more,
    },
    { fetch, now: () => clock.ms },
  );
  return { clock, token };
}

/** The error, after a look at whether it holds a secret. */
export async function refusal(token: () => Promise<unknown>): Promise<SyncError> {
  const error: unknown = await token().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SyncError)) throw new Error("no SyncError", { cause: error });
  for (const text of [error.message, error.hint]) {
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(encodeURIComponent(CANARY));
  }
  return error;
}
