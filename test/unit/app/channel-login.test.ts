import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/util/errors.ts";
import {
  channelProblemsOf as problemsOf,
  MINIMAL_CONFIG,
  parseConfigText,
} from "../../support/config-text.ts";
import { jwtOf } from "../../support/jwt.ts";

const CANARY = "c4nary-s3cret";
const NO_LITERAL = "must not stand in the config; write";

describe("the login", () => {
  const env = {
    PW: CANARY,
    TOKEN: jwtOf({ sub: "s", exp: 1 }),
    OPAQUE: CANARY,
    ENDLESS: jwtOf({ sub: "s" }),
  };
  const PASSWORD = "password: '${env:PW}'";
  const SERVER = "tokenEndpoint: 'https://i/t'";
  const CLIENT = "clientId: c, clientSecret: '${env:PW}'";
  const NEEDS =
    "`channel.kafka.sasl`: OAUTHBEARER needs a token, or a tokenEndpoint with clientId and clientSecret";
  const saslProblems = (sasl: string): string[] =>
    problemsOf(`brokers: a:1, sasl: {${sasl}}`, env).map((problem) =>
      problem.replace("`channel.kafka.sasl.", "`."),
    );

  test.each<[string, readonly string[]]>([
    ["", ["20: `.mechanism` is missing; for example `mechanism: SCRAM-SHA-512`"]],
    [
      "mechanism: PLAIN",
      ["20: `.user` is missing; PLAIN needs it", "20: `.password` is missing; PLAIN needs it"],
    ],
    ["mechanism: SCRAM-SHA-512, user: u", ["20: `.password` is missing; SCRAM-SHA-512 needs it"]],
    [`mechanism: SCRAM-SHA-256, ${PASSWORD}`, ["20: `.user` is missing; SCRAM-SHA-256 needs it"]],
    [
      `mechanism: PLAIN, user: u, ${PASSWORD}, token: '\${env:TOKEN}', scope: x`,
      [
        "78: `.token` is for OAUTHBEARER; PLAIN takes a user and a password",
        "101: `.scope` is for OAUTHBEARER; PLAIN takes a user and a password",
      ],
    ],
    ["mechanism: OAUTHBEARER", [`20: ${NEEDS}`]],
    [
      `mechanism: OAUTHBEARER, user: u, ${PASSWORD}, token: '\${env:TOKEN}'`,
      [
        "51: `.user` is for PLAIN and SCRAM; OAUTHBEARER takes a token or a tokenEndpoint",
        "64: `.password` is for PLAIN and SCRAM; OAUTHBEARER takes a token or a tokenEndpoint",
      ],
    ],
    [
      `mechanism: OAUTHBEARER, ${SERVER}`,
      [
        "20: `.clientId` is missing; a tokenEndpoint needs it",
        "20: `.clientSecret` is missing; a tokenEndpoint needs it",
      ],
    ],
    [
      `mechanism: OAUTHBEARER, token: '\${env:TOKEN}', ${SERVER}, ${CLIENT}`,
      ["83: `channel.kafka.sasl` has a token and a tokenEndpoint; leave one of them out"],
    ],
    [
      `mechanism: OAUTHBEARER, token: '\${env:TOKEN}', scope: x`,
      ["75: `.scope` is for an OAuth server, and `channel.kafka.sasl.tokenEndpoint` is missing"],
    ],
    [
      "mechanism: OAUTHBEARER, clientId: c",
      ["55: `.clientId` is for an OAuth server, and `channel.kafka.sasl.tokenEndpoint` is missing"],
    ],
    [
      "mechanism: OAUTHBEARER, token: '${env:OPAQUE}'",
      ["52: `.token` must be a JWT, which has three parts with dots between them"],
    ],
    [
      "mechanism: OAUTHBEARER, token: '${env:ENDLESS}'",
      ["52: `.token` must be a JWT that says when it ends (`exp`)"],
    ],
    [
      `mechanism: OAUTHBEARER, token: ${CANARY}`,
      [
        `52: \`.token\`: a token ${NO_LITERAL} \`\${env:KAFKA_TOKEN}\` or \`\${file:kafka.token}\` in its place`,
      ],
    ],
    [
      `mechanism: OAUTHBEARER, ${SERVER}, clientId: c, clientSecret: ${CANARY}`,
      [
        `102: \`.clientSecret\`: a secret ${NO_LITERAL} \`\${env:KAFKA_SECRET}\` or \`\${file:kafka.secret}\` in its place`,
      ],
    ],
    // Which keys belong to a mechanism that is not known is not known either.
    [
      `mechanism: GSSAPI, user: u, scope: x`,
      ["32: `.mechanism` must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, is `GSSAPI`"],
    ],
  ])("{%s}", (sasl, problems) => {
    expect(saslProblems(sasl)).toEqual(problems);
  });

  test.each([
    [
      "http://id.example.com/t",
      "must begin with `https://`: the client's secret would cross the network in the clear",
    ],
    ["ftp://id/t", "must have the form `https://host/path`"],
    ["id.example.com/t", "must have the form `https://host/path`"],
    [
      `https://u:${CANARY}@id/t`,
      "must hold no user and no password; `clientId` and `clientSecret` stand beside it",
    ],
  ])("tokenEndpoint: %s", (endpoint, message) => {
    expect(saslProblems(`mechanism: OAUTHBEARER, tokenEndpoint: '${endpoint}', ${CLIENT}`)).toEqual([
      `60: \`.tokenEndpoint\` ${message}`,
    ]);
  });

  test("that stands where no login belongs is not shown", () => {
    expect(problemsOf("brokers: a:1, sasl: 424242")).toEqual([
      "20: `channel.kafka.sasl` must be a map of keys and values, is a number",
    ]);
    expect(saslProblems("mechanism: PLAIN, user: u, password: 424242")).toEqual([
      "58: `.password` must be text, such as `${env:KAFKA_PASSWORD}`, is a number",
    ]);
    expect(saslProblems("mechanism: OAUTHBEARER, token: 424242")).toEqual([
      "52: `.token` must be text, such as `${file:kafka.token}`, is a number",
    ]);
  });

  test("never shows its secrets, wherever in the section they got to", () => {
    const text = `channel:
  kafka:
    brokers: [a:1, b:2]
    sasl:
      mechanism: OAUTHBEARER
      tokenEndpoint: https://id.example.com/t
      clientId: \${env:PW}
      clientSecret: \${env:PW}
      scope: kafka
${MINIMAL_CONFIG}`;
    const piece = fc.constantFrom(
      CANARY,
      `*${CANARY}`,
      `"${CANARY}`,
      `{${CANARY}`,
      `${CANARY}: `,
      `u:${CANARY}@`,
    );
    fc.assert(
      fc.property(fc.nat(text.indexOf("source:") - 1), fc.nat(4), piece, (at, cut, secret) => {
        // The name of a mechanism is shown.
        fc.pre(text.slice(0, at).split("\n").length !== 5);
        const broken = text.slice(0, at) + secret + text.slice(at + cut);
        let error: unknown = null;
        try {
          parseConfigText(broken, { env: { PW: CANARY } });
        } catch (thrown) {
          error = thrown;
        }
        if (error === null) return;
        expect(error).toBeInstanceOf(SyncError);
        const shown = `${(error as SyncError).message} ${(error as SyncError).hint}`;
        // The name of a key is shown; so is the name of a variable or a file.
        const named = shown.replaceAll(/unknown key `[^`]*`|\$\{[^}]*\}|variable \S+/g, "");
        expect(named).not.toContain(CANARY);
      }),
      { numRuns: 150 },
    );
  });
});
