import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { seconds, type Narrator } from "./narrator.ts";

/** The program's name, as it is shown. */
export const PROGRAM = "tallylake";
/** What it runs here. */
export const MAIN = join(import.meta.dirname, "../../src/main.ts");

export interface ToolRun {
  readonly exitCode: number;
  readonly stdout: string;
}

export interface ToolOptions {
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  /** Lines to show; the rest is counted. */
  readonly linesMax?: number;
}

/** Runs a command of the program to its end, as a process of its own, and shows it with all that it prints. */
export async function runTool(
  args: readonly string[],
  { narrator, signal, linesMax }: ToolOptions,
): Promise<ToolRun> {
  narrator.command([PROGRAM, ...args]);
  const startMs = narrator.elapsedMs;
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const output = narrator.output(linesMax);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", output.line);
  }
  const [code, name] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  output.end();
  narrator.say(`exit code ${code ?? String(name)}, ${seconds(narrator.elapsedMs - startMs)}`);
  return { exitCode: code ?? 1, stdout };
}
