import { join } from "node:path";
import { outputOf } from "./run-step.ts";

const PYTHON_MIN = { major: 3, minor: 10 };
/** What Spark 3.5 is documented to run on, without Java 8, whose time is over. */
const JAVA_MAJORS: readonly string[] = ["11", "17"];

/** Why the environment for Python cannot be made; each line says how to get what is missing. */
export async function pythonProblems(): Promise<readonly string[]> {
  const remedy = "apt-get install python3 python3-venv";
  const version = await outputOf("python3", ["-c", "import sys; print(*sys.version_info[:2])"]);
  if (version === null) return [`python3 is not installed: ${remedy}`];
  const [major = 0, minor = 0] = version.trim().split(" ").map(Number);
  if (major < PYTHON_MIN.major || (major === PYTHON_MIN.major && minor < PYTHON_MIN.minor)) {
    const wanted = `${PYTHON_MIN.major}.${PYTHON_MIN.minor}`;
    return [`python3 is ${major}.${minor}, hudi-rs needs ${wanted} or later: ${remedy}`];
  }
  // Debian ships both modules apart from python3 itself.
  if ((await outputOf("python3", ["-c", "import venv, ensurepip"])) === null)
    return [`python3 cannot make virtual environments: ${remedy}`];
  return [];
}

export async function mavenProblems(): Promise<readonly string[]> {
  if ((await outputOf("mvn", ["--version"])) !== null) return [];
  return ["mvn is not installed, or finds no Java: apt-get install maven"];
}

export async function javaProblems(): Promise<readonly string[]> {
  const home = process.env["JAVA_HOME"] ?? "";
  const java = home === "" ? "java" : join(home, "bin", "java");
  const remedy = "apt-get install openjdk-17-jre-headless, or set JAVA_HOME to such a Java";
  const properties = await outputOf(java, ["-XshowSettings:properties", "-version"]);
  const version = /java\.specification\.version = (\S+)/.exec(properties ?? "")?.[1];
  if (version === undefined) return [`no Java runs as ${java}: ${remedy}`];
  if (JAVA_MAJORS.includes(version)) return [];
  return [`${java} is Java ${version}, and Spark 3.5 runs on ${JAVA_MAJORS.join(" or ")}: ${remedy}`];
}
