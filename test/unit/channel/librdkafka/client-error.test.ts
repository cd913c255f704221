import { expect, test } from "vitest";
import type { ClientError } from "../../../../src/channel/librdkafka/client.ts";
import { clientError } from "../../../../src/channel/librdkafka/client-error.ts";

const error = (code: number, message = "said"): ClientError => Object.assign(new Error(message), { code });

test.for([
  [3, "KAFKA_TOPIC_MISSING", false],
  [-188, "KAFKA_TOPIC_MISSING", false],
  [-190, "KAFKA_TOPIC_MISSING", false],
  [10, "KAFKA_MESSAGE_TOO_LARGE", false],
  [29, "KAFKA_ACL_MISSING", false],
  [47, "KAFKA_FENCED", false],
  [-144, "KAFKA_FENCED", false],
  [48, "KAFKA_TRANSACTION_EXPIRED", true],
  [50, "KAFKA_TRANSACTION_TIMEOUT", false],
  [-185, "KAFKA_UNREACHABLE", true],
  [-192, "KAFKA_UNREACHABLE", true],
  [-195, "KAFKA_UNREACHABLE", true],
  [-199, "KAFKA_RECORD_CORRUPT", false],
  [-170, "KAFKA_CODEC", false],
  [-169, "KAFKA_ACCESS_DENIED", false],
  [-181, "KAFKA_TLS", false],
  [-1, "KAFKA_STORAGE", true],
  [-101, "KAFKA_PROTOCOL", false],
] as const)("%i is %s", ([code, expected, retryable]) => {
  const found = clientError(error(code), "write to t/0", null);
  expect(found).toMatchObject({ code: expected, retryable });
  expect(found.message).toMatch(/^cannot write to t\/0: .*said/);
  expect(found.hint).not.toBe("");
});

test.for([
  [
    "b:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password",
    "KAFKA_ACCESS_DENIED",
  ],
  [
    "b:1: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism",
    "KAFKA_ACCESS_DENIED",
  ],
  ["b:1: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed", "KAFKA_TLS"],
  [
    "b:1: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42",
    "KAFKA_TLS",
  ],
  ["b:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused", "KAFKA_UNREACHABLE"],
] as const)("what it could not reach for a reason that lasts: %s", ([complaint, expected]) => {
  const found = clientError(error(-195), "open a reader", complaint);
  expect(found.code).toBe(expected);
  expect(found.message).toContain(complaint);
});

test("a complaint of before does not colour another error", () => {
  expect(clientError(error(-144), "commit", "SSL handshake failed").code).toBe("KAFKA_FENCED");
});

test("a certificate that cannot be read is told as one", () => {
  const text = "failed to read certificate #0 from ssl.ca.pem: not in PEM format?";
  expect(clientError(error(-172, text), "open a reader", null).code).toBe("KAFKA_TLS");
  expect(clientError(error(-1, "not in pem format?"), "open a reader", null).code).toBe("KAFKA_TLS");
});
