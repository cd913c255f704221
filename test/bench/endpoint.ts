import type { SourceEndpoint } from "../../src/capture/connection-options.ts";
import { Secret } from "../../src/util/secret.ts";

/** The bench's own server: root without a password on loopback. */
export const benchEndpoint = (port: number): SourceEndpoint => ({
  host: "127.0.0.1",
  port,
  user: "root",
  password: new Secret(""),
  tls: { mode: "off", ca: null, cert: null, key: null },
  connectTimeoutMs: 10_000,
});
