import { expect, test } from "vitest";
import { driverOptions, type SourceEndpoint } from "../../../src/capture/connection-options.ts";
import { Secret } from "../../../src/util/secret.ts";

const endpoint = (changes: Partial<SourceEndpoint> = {}): SourceEndpoint => ({
  host: "db",
  port: 3306,
  user: "u",
  password: new Secret("p"),
  tls: { mode: "verify", ca: null, cert: null, key: null },
  connectTimeoutMs: 1000,
  ...changes,
});

test("verified encryption by default, and never a file of this machine", () => {
  expect(driverOptions(endpoint())).toEqual({
    authPlugins: { client_ed25519: expect.any(Function) as () => unknown },
    host: "db",
    port: 3306,
    user: "u",
    password: "p",
    connectTimeout: 1000,
    flags: ["-LOCAL_FILES"],
    charset: "UTF8MB4_GENERAL_CI",
    rowsAsArray: true,
    multipleStatements: false,
    trace: false,
    keepAliveInitialDelay: 30_000,
    ssl: { rejectUnauthorized: true, verifyIdentity: true, minVersion: "TLSv1.2" },
  });
});

test("what is given for TLS is passed on", () => {
  const tls = { mode: "insecure", ca: "CA", cert: "CERT", key: new Secret("KEY") } as const;
  expect(driverOptions(endpoint({ tls })).ssl).toEqual({
    rejectUnauthorized: false,
    verifyIdentity: false,
    minVersion: "TLSv1.2",
    ca: "CA",
    cert: "CERT",
    key: "KEY",
  });
  expect(driverOptions(endpoint({ tls: { ...tls, mode: "off" } })).ssl).toBeUndefined();
});

test("no two connections share the object under which the driver keeps TLS sessions", () => {
  const same = endpoint();
  expect(driverOptions(same).ssl).not.toBe(driverOptions(same).ssl);
});
