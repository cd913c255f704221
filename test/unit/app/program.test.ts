import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { CommandContext, Handlers } from "../../../src/app/command.ts";
import { Lifecycle } from "../../../src/app/lifecycle.ts";
import type { Output } from "../../../src/app/output.ts";
import { Program } from "../../../src/app/program.ts";
import { syncError } from "../../../src/types/errors.ts";
import { StopError } from "../../../src/util/abort.ts";
import { CapturedOutput } from "../../support/captured-output.ts";

const CANARY = "c4nary-s3cret";
const CONFIG = `source: {url: 'mysql://u@h', password: '\${env:PW}'}\ntables: [a.b]\nlake: /l\nlog: {level: warn}\n`;
const NOW = Date.UTC(2026, 10, 21);

interface Run {
  readonly handlers?: Partial<Handlers>;
  readonly config?: string;
  readonly env?: Record<string, string>;
}

function start(argv: readonly string[], { handlers = {}, config = CONFIG, env = { PW: CANARY } }: Run = {}) {
  const out = new CapturedOutput();
  const err = new CapturedOutput();
  const exits: number[] = [];
  const lifecycle = new Lifecycle({ write: (line) => err.write(line), exit: (code) => exits.push(code) });
  const unexpected = (): Promise<number> => Promise.reject(new Error("unexpected command"));
  const all: Handlers = {
    new: unexpected,
    check: unexpected,
    init: unexpected,
    resnapshot: unexpected,
    remove: unexpected,
    follow: unexpected,
    capture: unexpected,
    apply: unexpected,
    report: unexpected,
    status: unexpected,
    query: unexpected,
    ...handlers,
  };
  const readFile = (): Buffer => Buffer.from(config);
  const program = new Program({
    ...{
      argv,
      env,
      hostname: "h",
      version: "1.2.3",
      out,
      err,
      now: () => NOW,
      lifecycle,
      handlers: all,
      readFile,
    },
  });
  return { program, out, err, lifecycle, exits };
}

async function run(argv: readonly string[], options: Run = {}) {
  const { program, out, err } = start(argv, options);
  const exitCode = await program.run();
  return { exitCode, out: out.text, err: err.text };
}

test.each(["check", "init", "follow", "report", "status"] as const)(
  "%s gets its config and gives its exit code",
  async (name) => {
    const seen: string[] = [];
    const handler = async ({ config, out, log }: CommandContext): Promise<number> => {
      seen.push(config.lakeDir);
      out.write("data\n");
      log.info("not shown: the config asks for warnings");
      log.warn("shown", { table: "a.b" });
      return 2;
    };
    expect(await run([name], { handlers: { [name]: handler } })).toEqual({
      exitCode: 2,
      out: "data\n",
      err: "2026-11-21T00:00:00.000Z WARN  shown table=a.b\n",
    });
    expect(seen).toEqual(["/l"]);
  },
);

test("options reach their command", async () => {
  const seen: unknown[] = [];
  await run(["query", "SELECT 1", "--format", "csv"], {
    handlers: { query: async (_context, options) => seen.push(options) },
  });
  expect(seen).toEqual([{ sql: "SELECT 1", asOf: null, format: "csv" }]);
});

test("`new` needs no config", async () => {
  const handlers = { new: async () => 0 };
  expect(await run(["new", "--source", "x"], { handlers, config: ":::" })).toEqual({
    exitCode: 0,
    out: "",
    err: "",
  });
});

test("`config` prints what is in force, secrets masked", async () => {
  const { exitCode, out, err } = await run(["config"]);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(out.split("\n").slice(0, 10)).toEqual([
    "source:",
    "  url: mysql://u@h:3306",
    '  password: "***"',
    "  name: h:3306",
    "  epoch: 1",
    "  tls:",
    "    mode: verify",
    expect.stringMatching(/^ {2}serverId: \d{10}$/),
    "  connectTimeout: 10s",
    "tables:",
  ]);
});

test("flags go before the config in how to log", async () => {
  const handlers: Partial<Handlers> = {
    status: async ({ log }) => {
      log.debug("x");
      return 0;
    },
  };
  const { err } = await run(["status", "--log-level", "debug", "--log-format", "json"], { handlers });
  expect(JSON.parse(err)).toEqual({ time: "2026-11-21T00:00:00.000Z", level: "debug", message: "x" });
});

function breakPipe(output: Output, code = "EPIPE"): void {
  if (output instanceof CapturedOutput) output.breakPipe(code);
}

describe("what goes wrong", () => {
  test("usage is 64, one line and the nearest command", async () => {
    expect(await run(["inti"])).toEqual({
      exitCode: 64,
      out: "",
      err: "tallylake: unknown command 'inti' (USAGE)\n  remedy: did you mean init? See `tallylake --help`\n",
    });
    const { err } = await run(["inti", "--log-format", "json"]);
    expect(JSON.parse(err)).toMatchObject({ code: "USAGE", exitCode: 64 });
  });

  test("without a command the help goes to stderr, with 64", async () => {
    const { exitCode, out, err } = await run([]);
    expect({ exitCode, out, first: err.split("\n")[0] }).toEqual({
      exitCode: 64,
      out: "",
      first: "Usage: tallylake [options] [command]",
    });
    expect(await run(["--help"])).toEqual({ exitCode: 0, out: err, err: "" });
  });

  test("a config with a mistake is 64 before anything starts", async () => {
    expect(await run(["init"], { config: `${CONFIG}wrong: 1\n`, env: {} })).toEqual({
      exitCode: 64,
      out: "",
      err: `tallylake: 2 problems in the config
  tallylake.yaml:1:40: \`source.password\`: the environment variable PW of \`\${env:PW}\` is not set
  tallylake.yaml:5:1: unknown key \`wrong\`; known here: source, tables, exclude, lake, stateDir, channel, defaults, overrides, snapshot, commit, clean, trace, memory, log
  remedy: correct the file; tallylake.schema.json in the package describes every key, also to editors
`,
    });
  });

  test.each([
    [syncError("SOURCE_PURGED", "m", { hint: "h" }), 69],
    [syncError("TRACE_UNAVAILABLE", "m", { hint: "h" }), 75],
    [new Error("m"), 70],
  ])("an error of the command decides: %s", async (error, exitCode) => {
    const result = await run(["init"], { handlers: { init: () => Promise.reject(error) } });
    expect(result.exitCode).toBe(exitCode);
  });

  test("no output shows a secret, whatever is thrown and at every level", async () => {
    const cause = new Error(`driver said ${CANARY}`);
    for (const thrown of [
      syncError("SOURCE_TLS", CANARY, { hint: CANARY, cause }),
      new Error(CANARY, { cause }),
    ]) {
      for (const format of ["text", "json"]) {
        const { out, err } = await run(["init", "--log-level", "debug", "--log-format", format], {
          handlers: {
            init: async ({ config, log }) => {
              log.debug("config", { password: String(config.source.password), all: JSON.stringify(config) });
              return Promise.reject(thrown);
            },
          },
        });
        expect(out + err).not.toContain(CANARY);
        expect(err).toContain("***");
      }
    }
  });

  test("no secret of the channel shows either", async () => {
    const file = new URL("../../fixtures/tls/server-ip", import.meta.url).pathname;
    const config = `${CONFIG}channel: {kafka: {brokers: a:1, tls: {cert: ${file}.pem, key: ${file}.key}, sasl: {mechanism: PLAIN, user: u, password: '\${env:KAFKA}'}}}\n`;
    const env = { PW: "x", KAFKA: CANARY };
    const init: Handlers["init"] = ({ config: { channel } }) => {
      const key = channel?.endpoint.tls.key?.reveal() ?? "";
      return Promise.reject(new Error(`broker said ${CANARY} and <${key}>`));
    };
    const { err } = await run(["init"], { config, env, handlers: { init } });
    expect(err.split("\n")[0]).toBe("tallylake: internal error: Error: broker said *** and <***> (INTERNAL)");
    const printed = await run(["config"], { config, env });
    expect(printed.out).toContain("channel:\n  kafka:\n    brokers:\n      - a:1\n");
    expect(printed.out).not.toContain(CANARY);
  });
});

describe("a stop", () => {
  const stopped = async ({ lifecycle }: Pick<CommandContext, "lifecycle">): Promise<number> => {
    lifecycle.onSignal("SIGTERM");
    throw new StopError("stopped");
  };

  test.each([
    ["follow", 0],
    ["init", 75],
    ["report", 143],
    ["status", 143],
  ] as const)("of %s by a signal ends with %i", async (name, exitCode) => {
    expect(await run([name], { handlers: { [name]: stopped } })).toEqual({
      exitCode,
      out: "",
      err: "SIGTERM: finishing the current step; a second signal stops at once\n",
    });
  });

  test("because nobody reads the rows is a quiet end", async () => {
    const { program, out, err, lifecycle } = start(["query", "x"], {
      handlers: {
        query: async ({ out: rows, signal }) => {
          await rows.send("a");
          breakPipe(rows);
          await once(signal, "abort");
          await rows.send("b");
          return 0;
        },
      },
    });
    expect(await program.run()).toBe(0);
    expect({ out: out.text, err: err.text, by: lifecycle.stoppedBy }).toEqual({
      out: "a",
      err: "",
      by: null,
    });
  });

  test("does not come to a daemon whose output and log nobody reads", async () => {
    const { program, lifecycle } = start(["follow"], {
      handlers: {
        follow: async ({ out, err, log, signal }) => {
          breakPipe(out);
          breakPipe(err);
          await new Promise((resolve) => setImmediate(resolve));
          log.error("nobody hears this");
          return signal.aborted ? 99 : 0;
        },
      },
    });
    expect(await program.run()).toBe(0);
    expect(lifecycle.signal.aborted).toBe(false);
  });
});

test("data that did not reach the disk is an error, though the command says 0", async () => {
  const { program, err } = start(["status"], {
    handlers: {
      status: async ({ out }) => {
        out.write("x");
        breakPipe(out, "ENOSPC");
        await new Promise((resolve) => setImmediate(resolve));
        return 0;
      },
    },
  });
  expect(await program.run()).toBe(69);
  expect(err.text).toBe(
    "tallylake: stdout cannot be written (ENOSPC) (OUTPUT_FAILED)\n  remedy: make room on its disk, or write it elsewhere\n",
  );
});

test("the real process: exit codes, stdout and stderr", async () => {
  const main = new URL("../../../src/main.ts", import.meta.url).pathname;
  const call = async (...argv: string[]) => {
    const child = spawn(process.execPath, [main, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    const [exitCode] = (await once(child, "close")) as [number | null];
    return { exitCode, out, err };
  };
  const [version, missing] = await Promise.all([call("--version"), call("init", "-c", "no/such.yaml")]);
  expect(version).toEqual({
    exitCode: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    err: "",
  });
  expect(missing).toEqual({
    exitCode: 64,
    out: "",
    err: `tallylake: there is no config no/such.yaml (CONFIG_MISSING)
  remedy: write one with \`tallylake new --source mysql://user@host:3306 -o no/such.yaml\`, or name yours with --config
`,
  });
});
