import { createHash } from "node:crypto";
import { join } from "node:path";
import { outputOf } from "../engines/run-step.ts";
import { setupError } from "../setup-error.ts";

/** What Kafka 4 brokers are built for. */
const JAVA_MAJOR_MIN = 17;
const REMEDY = "apt-get install openjdk-17-jre-headless, or set JAVA_HOME to a Java 17 or later";

/**
 * For a short life with others on few processors: the code is compiled once, and quickly. It is as fast as tests
 * need, and a broker is up after half of the time.
 */
export const JVM_FLAGS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export interface Java {
  readonly command: string;
  /** Of this very build: what one JVM has prepared for itself is of no use to another. */
  readonly fingerprint: string;
}

/**
 * The Java that JAVA_HOME names, or else that of the search path.
 *
 * @throws SyncError (SETUP) when there is none, or when it is too old for Kafka.
 */
export async function findJava(): Promise<Java> {
  const home = process.env["JAVA_HOME"] ?? "";
  const command = home === "" ? "java" : join(home, "bin", "java");
  const printed = (await outputOf(command, ["-XshowSettings:properties", "-version"])) ?? "";
  const property = (name: string): string =>
    printed
      .split("\n")
      .map((line) => line.trim())
      .find((line) => line.startsWith(`${name} = `))
      ?.slice(`${name} = `.length) ?? "";
  const version = property("java.specification.version");
  if (version === "") throw setupError(`no Java runs as ${command}`, { hint: REMEDY });
  // Java 8 calls itself 1.8, which is older than 17 just as well.
  if (Number(version) < JAVA_MAJOR_MIN) {
    throw setupError(`${command} is Java ${version}, and Kafka needs ${JAVA_MAJOR_MIN} or later`, {
      hint: REMEDY,
    });
  }
  const build = ["java.home", "java.vm.name", "java.vm.version"].map(property).join("\n");
  return { command, fingerprint: createHash("sha256").update(build).digest("hex").slice(0, 8) };
}
