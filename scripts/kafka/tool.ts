import { spawn } from "node:child_process";
import { once } from "node:events";
import { setupError } from "../setup-error.ts";
import { JVM_FLAGS } from "./broker-process.ts";
import { installKafka } from "./install.ts";
import type { KafkaInstall } from "./jars.ts";
import { lastWords } from "./last-words.ts";

const STDERR_CHARS_MAX = 100_000;

/** Arguments for Java that run one of Kafka's own tools, named by its class. */
export function toolArgs(install: KafkaInstall, tool: readonly string[]): readonly string[] {
  return [...JVM_FLAGS, "-Xmx128m", ...install.args, ...tool];
}

/**
 * What a tool of Kafka's own prints on stdout, such as `org.apache.kafka.tools.consumer.ConsoleConsumer`. It takes a
 * second or two, most of it for the start of its JVM.
 *
 * @throws SyncError (SETUP) with what it says when it fails.
 */
export async function kafkaTool(
  className: string,
  args: readonly string[],
  /** For its stdin. */
  input = "",
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
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return stdout;
  throw setupError(`${className} ended with code ${String(code)}: ${lastWords(`${stdout}\n${stderr}`)}`, {
    hint: "check its arguments, and that the broker is up",
  });
}
