import { readFileSync } from "node:fs";
import { handlers } from "../../src/app/handlers.ts";
import { Lifecycle } from "../../src/app/lifecycle.ts";
import { Program } from "../../src/app/program.ts";
import { CapturedOutput } from "./captured-output.ts";

export interface ProgramEnd {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** The program with its real commands, inside the test's own process. */
export async function runProgram(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramEnd> {
  const out = new CapturedOutput();
  const err = new CapturedOutput();
  const lifecycle = new Lifecycle({ write: (line) => err.write(line), exit: () => undefined });
  const program = new Program({
    ...{ argv, env, hostname: "h", version: "1.2.3", out, err, now: Date.now, lifecycle, handlers },
    readFile: (file) => readFileSync(file),
  });
  const exitCode = await program.run();
  return { exitCode, out: out.text, err: err.text };
}
