import { spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { StopError } from "../../../src/util/abort.ts";
import { CapturedOutput } from "../../support/captured-output.ts";

describe("a reader that goes away", () => {
  test("ends `send` with an intended stop, is told once, and further texts go nowhere", async () => {
    const out = new CapturedOutput();
    let told = 0;
    out.onClosed(() => told++);
    await out.send("a");
    out.breakPipe();
    await expect(out.send("b")).rejects.toThrow(new StopError("nobody reads stdout any more"));
    await expect(out.send("c")).rejects.toThrow(StopError);
    out.write("d");
    await setImmediate();
    await out.flush();
    expect({ told, closed: out.closed, text: out.text }).toEqual({ told: 1, closed: true, text: "a" });
  });

  test("of a real pipe: `… | head` is a quiet end", async () => {
    const program = `
      const { Output } = await import(${JSON.stringify(new URL("../../../src/app/output.ts", import.meta.url).href)});
      const out = new Output(process.stdout, "stdout");
      const err = new Output(process.stderr, "stderr");
      try {
        for (;;) await out.send("x".repeat(65536));
      } catch (error) {
        err.write(error.name + " " + out.closed);
        await err.flush();
        process.exit(0);
      }`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let shown = "";
    child.stderr.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, shown }).toEqual({ code: 0, shown: "StopError true" });
  });
});

test("a full disk is an error, since what was written is not all there", async () => {
  const out = new CapturedOutput();
  out.write("a");
  out.breakPipe("ENOSPC");
  await setImmediate();
  const expected = { code: "OUTPUT_FAILED", message: "stdout cannot be written (ENOSPC)", exitCode: 69 };
  await expect(out.flush()).rejects.toMatchObject(expected);
  await expect(out.send("b")).rejects.toMatchObject(expected);
  expect(out.closed).toBe(false);
});

test("texts go through an interceptor while there is one", () => {
  const out = new CapturedOutput();
  const seen: string[] = [];
  out.intercept((text) => seen.push(text));
  out.write("a");
  out.intercept(null);
  out.write("b");
  expect({ seen, text: out.text }).toEqual({ seen: ["a"], text: "b" });
});
