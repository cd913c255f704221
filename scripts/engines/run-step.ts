import { spawn } from "node:child_process";
import { setupError } from "../setup-error.ts";

const HEARTBEAT_MS = 15_000;
const OUTPUT_CHARS_MAX = 4000;

/** What a command prints, both streams; null when it cannot be started or fails. */
export function outputOf(command: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code === 0 ? text : null));
  });
}

export interface InstallStep {
  /** For the progress lines. */
  readonly name: string;
  /**
   * File that the command itself keeps locked. When we are killed it goes on alone, and whoever installs
   * next must not work in the same folder before it has ended.
   */
  readonly lockPath: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly log: (line: string) => void;
  /** Ends the command. */
  readonly signal: AbortSignal;
}

/** Runs a command that may take minutes, with a sign of life every few seconds. */
export function runInstallStep(step: InstallStep): Promise<void> {
  const startMs = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - startMs) / 1000)} s`;
  step.log(`engines: ${step.name} ...`);
  return new Promise((resolve, reject) => {
    const child = spawn("flock", ["--exclusive", "--no-fork", step.lockPath, step.command, ...step.args], {
      stdio: ["ignore", "pipe", "pipe"],
      signal: step.signal,
    });
    const heartbeat = setInterval(() => step.log(`engines: ${step.name} ... ${seconds()}`), HEARTBEAT_MS);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream
        .setEncoding("utf8")
        .on("data", (chunk: string) => (text = (text + chunk).slice(-OUTPUT_CHARS_MAX)));
    const fail = (why: string, cause?: unknown): void => {
      clearInterval(heartbeat);
      const command = [step.command, ...step.args].join(" ");
      reject(
        setupError(`installing ${step.name} failed: ${command}: ${why}\n${text.trim()}`, {
          hint: "see that the registry can be reached, and run `node scripts/engines.ts`: it goes on where it stopped",
          cause,
        }),
      );
    };
    child.on("error", (error) => fail(error.message, error));
    child.on("close", (code, signal) => {
      if (code !== 0) {
        fail(`ended with ${code ?? signal ?? "no status"}`);
        return;
      }
      clearInterval(heartbeat);
      step.log(`engines: ${step.name} installed in ${seconds()}`);
      resolve();
    });
  });
}
