import { spawn } from "node:child_process";
import { once } from "node:events";
import { codeOf } from "../src/util/errors.ts";
import { setupError } from "./setup-error.ts";

const OUTPUT_CHARS_MAX = 1_000_000;
const SHOWN_CHARS_MAX = 200;

export interface CommandOptions {
  /** The folder it works in. Default: ours. */
  readonly cwd?: string;
  /** What it reads from its stdin. Default: nothing. */
  readonly input?: string;
}

/** The stdout of a command that must succeed. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, input = "" }: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  // A command that ends before it has read everything says why by its code.
  child.stdin.on("error", () => undefined).end(input);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-OUTPUT_CHARS_MAX);
  });
  let code: unknown;
  try {
    [code] = (await once(child, "close")) as [number | null];
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    throw setupError(`the program ${command} is missing`, {
      hint: `install it, or run this on Debian, where ${command} belongs to the base system`,
      cause: error,
    });
  }
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-5).join(" | ");
  const shown = [command, ...args].join(" ");
  const start = shown.length > SHOWN_CHARS_MAX ? `${shown.slice(0, SHOWN_CHARS_MAX)}…` : shown;
  throw setupError(`${start} ended with code ${String(code)}: ${said}`, {
    hint: "remove the cause that it names, then try again",
  });
}
