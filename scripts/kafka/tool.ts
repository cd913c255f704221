import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setupError } from "../setup-error.ts";
import { JVM_FLAGS } from "./java.ts";
import { installKafka } from "./install.ts";
import type { KafkaInstall } from "./jars.ts";
import { lastWords } from "./last-words.ts";

const STDERR_CHARS_MAX = 100_000;

/** Arguments for Java that run one of Kafka's own tools, named by its class. */
export function toolArgs(install: KafkaInstall, tool: readonly string[]): readonly string[] {
  return [...JVM_FLAGS, "-Xmx128m", ...install.args, ...tool];
}

export interface ToolOptions {
  /** For its stdin. */
  readonly input?: string;
  /** Resolves when a tool that does not end by itself has done its work; it is then told to end. */
  readonly until?: (signal: AbortSignal) => Promise<void>;
}

/** Of a JVM that SIGTERM has ended. */
const TERMINATED = 143;

/**
 * What a tool of Kafka's own prints on stdout, such as `org.apache.kafka.tools.consumer.ConsoleConsumer`. It takes a
 * second or two, most of it for the start of its JVM.
 *
 * @throws SyncError (SETUP) with what it says when it fails.
 */
export async function kafkaTool(
  className: string,
  args: readonly string[],
  { input = "", until }: ToolOptions = {},
): Promise<string> {
  const install = await installKafka(() => undefined);
  const child = spawn(install.java.command, toolArgs(install, [className, ...args]));
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARS_MAX);
  });
  // A tool that ends early leaves its input unread; its exit code says what is wrong.
  child.stdin.on("error", () => undefined).end(input);
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = new AbortController();
  const ending = until === undefined ? null : endWhen(child, until, ended.signal);
  // It may fail long before the tool has ended.
  ending?.catch(() => undefined);
  const [code] = await closed;
  ended.abort();
  const isDone = (await ending) ?? false;
  if (code === 0 || (isDone && code === TERMINATED)) return stdout;
  throw setupError(`${className} ended with code ${String(code)}: ${lastWords(`${stdout}\n${stderr}`)}`, {
    hint: "check its arguments, and that the broker is up",
  });
}

/** Ends a tool when its work is done, or when nobody can know any more; whether it was done. */
async function endWhen(
  child: ChildProcess,
  until: NonNullable<ToolOptions["until"]>,
  ended: AbortSignal,
): Promise<boolean> {
  try {
    await until(ended);
    return child.kill("SIGTERM");
  } catch (error) {
    child.kill("SIGTERM");
    if (ended.aborted) return false;
    throw error;
  }
}
