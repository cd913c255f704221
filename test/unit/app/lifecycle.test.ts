import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { Lifecycle, Resources } from "../../../src/app/lifecycle.ts";

describe("signals", () => {
  const start = () => {
    const lines: string[] = [];
    const exits: number[] = [];
    const lifecycle = new Lifecycle({ write: (line) => lines.push(line), exit: (code) => exits.push(code) });
    return { lifecycle, lines, exits };
  };

  test("the first one says what is being finished and aborts, the second one ends at once", () => {
    const { lifecycle, lines, exits } = start();
    lifecycle.finishing(() => "the commit of shop.orders");
    expect(lifecycle.signal.aborted).toBe(false);
    lifecycle.onSignal("SIGTERM");
    expect(lifecycle.signal.aborted).toBe(true);
    expect(lifecycle.stoppedBy).toBe("SIGTERM");
    expect(exits).toEqual([]);
    lifecycle.onSignal("SIGINT");
    expect(exits).toEqual([130]);
    expect(lifecycle.stoppedBy).toBe("SIGTERM");
    expect(lines).toEqual([
      "SIGTERM: finishing the commit of shop.orders; a second signal stops at once\n",
      "SIGINT again: stopping at once; the next start recovers\n",
    ]);
  });

  test("a second SIGTERM ends with 143", () => {
    const { lifecycle, exits } = start();
    lifecycle.onSignal("SIGTERM");
    lifecycle.onSignal("SIGTERM");
    expect(exits).toEqual([143]);
  });

  test("a stop that nobody signalled leaves both signals their meaning", () => {
    const { lifecycle, exits, lines } = start();
    lifecycle.stop("nobody reads");
    expect(lifecycle.signal.aborted).toBe(true);
    expect(lifecycle.stoppedBy).toBeNull();
    lifecycle.onSignal("SIGINT");
    expect({ exits, lines }).toEqual({
      exits: [],
      lines: ["SIGINT: finishing the current step; a second signal stops at once\n"],
    });
  });

  test("are heard from the process until told otherwise", () => {
    const { lifecycle, exits } = start();
    const process = new EventEmitter() as unknown as NodeJS.Process;
    const stop = lifecycle.listen(process);
    process.emit("SIGINT");
    expect(lifecycle.stoppedBy).toBe("SIGINT");
    stop();
    process.emit("SIGINT");
    expect(exits).toEqual([]);
    expect(process.listenerCount("SIGTERM")).toBe(0);
  });
});

describe("resources", () => {
  const start = () => {
    const events: string[] = [];
    const resources = new Resources((name, error) => events.push(`${name}: ${String(error)}`));
    const open = (name: string, failure?: string) =>
      resources.open(
        name,
        async () => {
          events.push(`open ${name}`);
          return name;
        },
        async (resource) => {
          events.push(`close ${resource}`);
          if (failure !== undefined) throw new Error(failure);
        },
      );
    return { events, resources, open };
  };

  test("are closed in the opposite order, once", async () => {
    const { events, resources, open } = start();
    expect(await open("a")).toBe("a");
    await open("b");
    await resources.close();
    await resources.close();
    expect(events).toEqual(["open a", "open b", "close b", "close a"]);
  });

  test("are all closed when some fail: the first failure is thrown, the others are reported", async () => {
    const { events, resources, open } = start();
    await open("a", "no a");
    await open("b");
    await open("c", "no c");
    await expect(resources.close()).rejects.toThrow(new Error("no c"));
    expect(events.slice(3)).toEqual(["close c", "close b", "close a", "a: Error: no a"]);
  });

  test("are closed after the body, whose error goes first", async () => {
    const { events, resources, open } = start();
    await expect(
      resources.use(async () => {
        await open("a", "no a");
        throw new Error("body");
      }),
    ).rejects.toThrow(new Error("body"));
    expect(events).toEqual(["open a", "close a", "closing: Error: no a"]);
    expect(await resources.use(async () => 7)).toBe(7);
  });

  test("one that fails to open is not closed", async () => {
    const { events, resources, open } = start();
    await open("a");
    const failing = resources.open(
      "b",
      () => Promise.reject(new Error("no b")),
      async () => void events.push("b"),
    );
    await expect(failing).rejects.toThrow(new Error("no b"));
    await resources.close();
    expect(events).toEqual(["open a", "close a"]);
  });
});
