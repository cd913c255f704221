import { expect, test } from "vitest";
import { traceError } from "../../../src/trace/clickhouse-error.ts";
import { StopError } from "../../../src/util/abort.ts";
import { InvariantError } from "../../../src/util/assert.ts";

const exception = (type: string, code: string): Error =>
  Object.assign(new Error("what the server says"), { type, code });

test.each([
  ["UNKNOWN_TABLE", "60", "TRACE_SCHEMA", /^use another trace.database/],
  ["UNKNOWN_DATABASE", "81", "TRACE_SCHEMA", /^use another trace.database/],
  ["ACCESS_DENIED", "497", "TRACE_UNAVAILABLE", /^grant the user/],
  ["AUTHENTICATION_FAILED", "516", "TRACE_UNAVAILABLE", /^correct trace.user/],
  ["MEMORY_LIMIT_EXCEEDED", "241", "TRACE_UNAVAILABLE", /^start the trace store/],
])("%s", (type, number, code, hint) => {
  expect(traceError(exception(type, number), "insert counts", "ch:8123")).toMatchObject({
    code,
    message: `trace store at ch:8123: insert counts: ${type}: what the server says`,
    hint: expect.stringMatching(hint) as string,
  });
});

test("errors of the network are named by their code, and by their text when they have none", () => {
  const refused = Object.assign(new Error("connect\n refused"), { code: "ECONNREFUSED" });
  expect(traceError(refused, "step", "h")).toMatchObject({
    code: "TRACE_UNAVAILABLE",
    message: "trace store at h: step: ECONNREFUSED: connect refused",
  });
  expect(traceError(new Error("x".repeat(5000)), "step", "h").message).toBe(
    `trace store at h: step: ${"x".repeat(300)}…`,
  );
});

test("a stop and a defect stay what they are", () => {
  for (const error of [new StopError("stop"), new InvariantError("bug")]) {
    expect(traceError(error, "step", "h")).toBe(error);
  }
});
