import { expect, test } from "vitest";
import { driverError } from "../../../src/capture/driver-error.ts";
import { syncError } from "../../../src/types/errors.ts";

const thrown = (message: string, fields: object): Error => Object.assign(new Error(message), fields);

const codeOf = (fields: object, connecting = false): string =>
  driverError(thrown("x", fields), { step: "do", connecting }).code;

test.each([
  [{ errno: 1045, code: "ER_ACCESS_DENIED_ERROR" }, "SOURCE_ACCESS_DENIED"],
  [{ errno: 1130 }, "SOURCE_ACCESS_DENIED"],
  [{ errno: 1142 }, "SOURCE_GRANT_MISSING"],
  [{ errno: 1227 }, "SOURCE_GRANT_MISSING"],
  [{ errno: 1146 }, "TABLE_ABSENT"],
  [{ errno: 1205 }, "SOURCE_BUSY"],
  [{ errno: 3159 }, "SOURCE_TLS"],
  [{ errno: 3169 }, "SOURCE_CONNECTION_LOST"],
  [{ errno: 1064, code: "ER_PARSE_ERROR" }, "SOURCE_QUERY_FAILED"],
  [{ code: "HANDSHAKE_SSL_ERROR" }, "SOURCE_TLS"],
  [{ code: "ECONNRESET", errno: -104 }, "SOURCE_CONNECTION_LOST"],
  [{ code: "ETIMEDOUT" }, "SOURCE_CONNECTION_LOST"],
  [{ fatal: true }, "SOURCE_CONNECTION_LOST"],
  [{}, "SOURCE_QUERY_FAILED"],
])("%j is %s", (fields, code) => {
  expect(codeOf(fields)).toBe(code);
});

test("while connecting, a lost connection is an unreachable server", () => {
  expect(codeOf({ code: "ECONNRESET" }, true)).toBe("SOURCE_UNREACHABLE");
  expect(codeOf({ code: "ECONNREFUSED" }, true)).toBe("SOURCE_UNREACHABLE");
  expect(codeOf({ fatal: true }, true)).toBe("SOURCE_UNREACHABLE");
  expect(codeOf({ errno: 1045 }, true)).toBe("SOURCE_ACCESS_DENIED");
});

test("the message says the step, the number and the driver's words, and keeps the cause", () => {
  const cause = thrown("Access denied", { errno: 1045, code: "ER_ACCESS_DENIED_ERROR" });
  const error = driverError(cause, { step: "connect to MySQL at db:3306", connecting: true });
  expect(error.message).toBe("cannot connect to MySQL at db:3306: error 1045: Access denied");
  expect(error.cause).toBe(cause);
  expect(driverError(thrown("", { code: "ECONNREFUSED" }), { step: "do" }).message).toBe(
    "cannot do: ECONNREFUSED",
  );
});

test("an operating error stays as it is", () => {
  const error = syncError("SOURCE_NOT_SUPPORTED", "too old", { hint: "upgrade" });
  expect(driverError(error, { step: "do" })).toBe(error);
});
