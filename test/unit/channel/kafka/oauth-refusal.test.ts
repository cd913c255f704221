import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { jwtOf } from "../../../support/jwt.ts";
import {
  CANARY,
  clientOf,
  json,
  NOW,
  raw,
  refusal,
  tokenServer,
  type Answer,
} from "../../../support/token-server.ts";

describe("no token", () => {
  const CLIENT =
    "check channel.kafka.sasl: clientId, clientSecret and scope must be those of a client that may use the client credentials grant";
  const PLACE = "make channel.kafka.sasl.tokenEndpoint the address at which an OAuth server gives tokens";
  const AGAIN = "check that the server of channel.kafka.sasl.tokenEndpoint runs; it is asked again by itself";
  const long = "x".repeat(600_000);

  test.each<[string, Answer, string, string]>([
    [
      "a client that is not known",
      json({ error: "invalid_client", error_description: "no\nsuch client" }, 401),
      "refuses the request with status 401 (invalid_client): no\\u000asuch client",
      CLIENT,
    ],
    [
      "a scope that is not known",
      json({ error: "invalid_scope" }, 400),
      "refuses the request with status 400 (invalid_scope)",
      CLIENT,
    ],
    [
      "words that repeat the secret",
      json({ error: "invalid_client", error_description: `not ${CANARY}` }, 401),
      "refuses the request with status 401 (invalid_client)",
      CLIENT,
    ],
    [
      "words without end",
      json({ error: "invalid_client", error_description: long.slice(0, 5000) }, 401),
      `refuses the request with status 401 (invalid_client): ${"x".repeat(200)}`,
      CLIENT,
    ],
    ["no words", raw("", 403), "refuses the request with status 403", CLIENT],
    [
      "a name that is none",
      json({ error: `<b>${CANARY}` }, 401),
      "refuses the request with status 401",
      CLIENT,
    ],
    ["another page", raw("<html>", 404), "answers with status 404", PLACE],
    ["no page for this", json({ error: 5 }, 405), "answers with status 405", PLACE],
    ["a page of its own", raw("<html>"), "gave an answer that is no JSON object", PLACE],
    ["a list", json([1]), "gave an answer that is no JSON object", PLACE],
    ["nothing", raw(""), "gave an answer that is no JSON object", PLACE],
    [
      "an answer without end",
      raw(`{"access_token":"${long}"}`),
      "gave an answer of more than 512 KiB",
      PLACE,
    ],
    [
      "no token",
      json({ token_type: "Bearer", expires_in: 5 }),
      "gave an answer without a usable access_token",
      PLACE,
    ],
    [
      "a token that breaks the login's form",
      json({ access_token: "a\u0001b", expires_in: 5 }),
      "gave an answer without a usable access_token",
      PLACE,
    ],
    [
      "a token for something else",
      json({ access_token: "t", token_type: "mac", expires_in: 5 }),
      "gave a token that is no bearer token",
      PLACE,
    ],
    [
      "a token without an end",
      json({ access_token: "t" }),
      "gave a token without a time that it is good for",
      PLACE,
    ],
    [
      "a token without a life",
      json({ access_token: "t", expires_in: 0 }),
      "gave a token without a time that it is good for",
      PLACE,
    ],
    [
      "a token with a life of true",
      json({ access_token: "t", expires_in: true }),
      "gave a token without a time that it is good for",
      PLACE,
    ],
    [
      "a token with an endless life",
      raw('{"access_token":"t","expires_in":1e999}'),
      "gave a token without a time that it is good for",
      PLACE,
    ],
    [
      "a token that has expired",
      json({ access_token: jwtOf({ exp: NOW / 1000 }) }),
      "gave a token without a time that it is good for",
      PLACE,
    ],
  ])("of %s", async (_name, answer, message, hint) => {
    await using server = await tokenServer(answer);
    expect(await refusal(clientOf(server.origin).token)).toMatchObject({
      code: "KAFKA_ACCESS_DENIED",
      retryable: false,
      message: `the token server ${server.origin} ${message}`,
      hint,
    });
  });

  test.each([408, 429, 500, 503])("of a server that answers with %i, yet", async (status) => {
    await using server = await tokenServer(json({ error: "temporarily_unavailable" }, status));
    expect(await refusal(clientOf(server.origin).token)).toMatchObject({
      code: "KAFKA_UNREACHABLE",
      retryable: true,
      message: `the token server ${server.origin} answers with status ${status}`,
      hint: AGAIN,
    });
  });

  test("of where a server points to: the secret stays here", async () => {
    await using other = await tokenServer(json({ access_token: "t", expires_in: 5 }));
    for (const status of [302, 307, 308]) {
      await using server = await tokenServer(raw("", status, { location: `${other.origin}/token` }));
      expect(await refusal(clientOf(server.origin).token)).toMatchObject({
        code: "KAFKA_ACCESS_DENIED",
        message: `the token server ${server.origin} answers with status ${status}, a redirect, which is not followed`,
        hint: PLACE,
      });
    }
    expect(other.asked).toEqual([]);
  });

  test("of a server that does not answer, or stops in the middle", async () => {
    await using server = await tokenServer(() => undefined);
    const { token } = clientOf(server.origin, { timeoutMs: 100 });
    const slow = {
      code: "KAFKA_UNREACHABLE",
      retryable: true,
      message: `the token server ${server.origin} gave no answer within 100 ms`,
      hint: AGAIN,
    };
    expect(await refusal(token)).toMatchObject(slow);
    server.become((response) => {
      response.writeHead(200).write('{"access_token":');
    });
    expect(await refusal(token)).toMatchObject(slow);
    server.become((response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
      setTimeout(() => response.destroy(), 20);
    });
    const { message, ...facts } = await refusal(clientOf(server.origin).token);
    expect(message).toMatch(/^the token server \S+ cannot be reached \(UND_ERR_SOCKET\)$/);
    expect(facts).toMatchObject({ code: "KAFKA_UNREACHABLE", hint: AGAIN });
  });

  test("of a server that is not there", async () => {
    let origin = "";
    {
      await using server = await tokenServer(() => undefined);
      ({ origin } = server);
    }
    expect(await refusal(clientOf(origin).token)).toMatchObject({
      code: "KAFKA_UNREACHABLE",
      message: `the token server ${origin} cannot be reached (ECONNREFUSED)`,
      hint: AGAIN,
    });
  });

  test("of a server that cannot prove its name", async () => {
    const file = (name: string): string => readFileSync(`test/fixtures/tls/${name}`, "utf8");
    const server = https.createServer({ key: file("server-ip.key"), cert: file("server-ip.pem") });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { message, ...facts } = await refusal(clientOf(origin).token);
      expect(message).toMatch(
        /^the token server \S+ shows a certificate that cannot be trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)$/,
      );
      expect(facts).toMatchObject({
        code: "KAFKA_TLS",
        retryable: false,
        hint: "name the file of its authority in the environment variable NODE_EXTRA_CA_CERTS; channel.kafka.tls.ca is for the brokers only",
      });
    } finally {
      server.close();
    }
  });
});
