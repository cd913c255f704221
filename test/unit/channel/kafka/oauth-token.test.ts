import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { jwtClaims, staticToken, tokenEndpointProblem } from "../../../../src/channel/kafka/oauth-token.ts";
import { Secret } from "../../../../src/util/secret.ts";
import { jwtOf } from "../../../support/jwt.ts";
import {
  CANARY,
  clientOf,
  json,
  NOW,
  raw,
  refusal,
  tokenServer,
  type Asked,
} from "../../../support/token-server.ts";

describe("a JWT", () => {
  test("says whom it stands for and when it ends", () => {
    expect(jwtClaims(jwtOf({ sub: "ann", exp: 12.0015 }))).toEqual({ subject: "ann", expiresAtMs: 12_001 });
    expect(jwtClaims(jwtOf({ sub: "ünß" }))).toEqual({ subject: "ünß", expiresAtMs: null });
    expect(jwtClaims(jwtOf({ sub: 5, exp: "12" }))).toEqual({ subject: null, expiresAtMs: null });
    expect(jwtClaims(jwtOf({ sub: "" }))).toEqual({ subject: null, expiresAtMs: null });
    // Without a signature the last part is empty.
    expect(jwtClaims(jwtOf({ sub: "ann" }).replace(/[^.]*$/, ""))).toMatchObject({ subject: "ann" });
  });

  test.each(["", "x", "a.b", "a.b.c", "a.e30.c.d", `${jwtOf({})} `, jwtOf([]), jwtOf(null), jwtOf("x")])(
    "is not %j",
    (text) => {
      expect(jwtClaims(text)).toBeNull();
    },
  );
});

describe("a token that is given", () => {
  test("is good until it expires", async () => {
    const value = new Secret(jwtOf({ sub: "ann", exp: NOW / 1000 }));
    const clock = { ms: NOW - 1 };
    const token = staticToken(value, { now: () => clock.ms });
    expect(await token()).toEqual({ value, expiresAtMs: NOW, principal: "ann" });
    clock.ms = NOW;
    expect(await refusal(token)).toMatchObject({
      code: "KAFKA_ACCESS_DENIED",
      retryable: false,
      message: "the token of channel.kafka.sasl expired at 2026-11-21T00:00:00.000Z",
      hint: "give a new one as channel.kafka.sasl.token and start again, or let tokens be renewed by channel.kafka.sasl.tokenEndpoint",
    });
  });

  test("stands for somebody, whoever that is", async () => {
    const token = staticToken(new Secret(jwtOf({ exp: NOW })), { now: () => NOW });
    expect(await token()).toMatchObject({ principal: "unknown" });
  });
});

test.each([
  ["https://id.example.com/t?x=1", null],
  ["http://localhost:8080/t", null],
  ["http://127.0.0.1/t", null],
  ["http://[::1]:8080/t", null],
  [
    "http://localhost.example.com/t",
    "must begin with `https://`: the client's secret would cross the network in the clear",
  ],
  [
    "http://10.0.0.1/t",
    "must begin with `https://`: the client's secret would cross the network in the clear",
  ],
  ["https://u@id/t", "must hold no user and no password; `clientId` and `clientSecret` stand beside it"],
  ["https://:p@id/t", "must hold no user and no password; `clientId` and `clientSecret` stand beside it"],
  ["file:///etc/passwd", "must have the form `https://host/path`"],
  ["id.example.com", "must have the form `https://host/path`"],
])("the token endpoint %s", (url, problem) => {
  expect(tokenEndpointProblem(url)).toBe(problem);
  if (problem !== null) expect(() => clientOf(url)).toThrow("the token endpoint is not safe");
});

describe("a token of a server", () => {
  test("is asked for by the client credentials grant", async () => {
    await using server = await tokenServer(
      json({ access_token: "t0k3n", token_type: "Bearer", expires_in: 60 }),
    );
    const { token } = clientOf(server.origin, { clientId: "m:e", scope: "a b&c" });
    const { value, ...facts } = await token();
    expect(value.reveal()).toBe("t0k3n");
    expect(facts).toEqual({ expiresAtMs: NOW + 60_000, principal: "m:e" });
    const [{ method, url, headers, body } = {} as Asked, ...more] = server.asked;
    expect({ method, url, body, more }).toEqual({
      method: "POST",
      url: "/token",
      body: "grant_type=client_credentials&scope=a+b%26c",
      more: [],
    });
    expect(headers["content-type"]).toBe("application/x-www-form-urlencoded");
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const [id = "", secret = "", ...rest] = Buffer.from(basic, "base64").toString().split(":");
    expect([decodeURIComponent(id), decodeURIComponent(secret), rest]).toEqual(["m:e", CANARY, []]);
  });

  test("stands for the subject of the JWT that it is", async () => {
    const value = jwtOf({ sub: "service-account", exp: NOW / 1000 + 90 });
    await using server = await tokenServer(json({ access_token: value }));
    expect(await clientOf(server.origin).token()).toMatchObject({
      principal: "service-account",
      expiresAtMs: NOW + 90_000,
    });
    // What is told counts from now, whatever the clocks are.
    server.become(json({ access_token: jwtOf({ sub: "x", exp: 5 }), expires_in: "30" }));
    expect(await clientOf(server.origin).token()).toMatchObject({
      principal: "x",
      expiresAtMs: NOW + 30_000,
    });
  });

  test("is used for 80 % of its life, and then another one is asked for", async () => {
    let count = 0;
    await using server = await tokenServer((response, asked) => {
      json({ access_token: `t${++count}`, expires_in: 100 })(response, asked);
    });
    const { clock, token } = clientOf(server.origin);
    const now = async (): Promise<string> => (await token()).value.reveal();
    expect(await now()).toBe("t1");
    clock.ms = NOW + 79_999;
    expect(await now()).toBe("t1");
    clock.ms = NOW + 80_000;
    expect(await now()).toBe("t2");
    clock.ms = NOW + 159_999;
    expect(await now()).toBe("t2");
    clock.ms = NOW + 160_000;
    expect(await now()).toBe("t3");
    expect(server.asked).toHaveLength(3);
  });

  test("is asked for once, however many want one at the same time", async () => {
    let pending: ServerResponse[] = [];
    await using server = await tokenServer((response) => {
      pending.push(response);
    });
    const { token } = clientOf(server.origin);
    const three = [token(), token(), token()];
    await expect.poll(() => pending.length).toBe(1);
    const late = token();
    for (const response of pending) json({ access_token: "t", expires_in: 9 })(response, {} as Asked);
    const values = await Promise.all([...three, late]);
    expect(new Set(values).size).toBe(1);
    expect(server.asked).toHaveLength(1);

    // All of them hear of a failure as well, and the next one asks again.
    const other = clientOf(server.origin);
    pending = [];
    const failing = Promise.allSettled([other.token(), other.token()]);
    await expect.poll(() => pending.length).toBe(1);
    for (const response of pending) raw("", 500)(response, {} as Asked);
    expect((await failing).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    server.become(json({ access_token: "t2", expires_in: 9 }));
    expect((await other.token()).value.reveal()).toBe("t2");
    expect(server.asked).toHaveLength(3);
  });

  test("does until its end while the server is away", async () => {
    await using server = await tokenServer(json({ access_token: "t1", expires_in: 100 }));
    const { clock, token } = clientOf(server.origin);
    const first = await token();
    server.become(raw("down for maintenance", 503));
    clock.ms = NOW + 80_000;
    expect(await token()).toBe(first);
    clock.ms = NOW + 89_999;
    expect(await token()).toBe(first);
    expect(server.asked).toHaveLength(2);
    clock.ms = NOW + 90_000;
    expect(await token()).toBe(first);
    expect(server.asked).toHaveLength(3);
    clock.ms = NOW + 100_000;
    expect(await refusal(token)).toMatchObject({ code: "KAFKA_UNREACHABLE" });
    server.become(json({ access_token: "t2", expires_in: 100 }));
    expect((await token()).value.reveal()).toBe("t2");
  });

  test("is refused at once to a client that may no longer have one", async () => {
    await using server = await tokenServer(json({ access_token: "t1", expires_in: 100 }));
    const { clock, token } = clientOf(server.origin);
    await token();
    server.become(json({ error: "unauthorized_client" }, 400));
    clock.ms = NOW + 80_000;
    expect(await refusal(token)).toMatchObject({ code: "KAFKA_ACCESS_DENIED" });
  });
});
