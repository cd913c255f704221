import { ConfigError } from "../../src/app/config-error.ts";
import { parseConfig, type Config } from "../../src/app/config.ts";

export const MINIMAL_CONFIG = 'source: mysql://repl@db:3306\ntables: ["shop.*"]\nlake: ./lake\n';

export interface ConfigParsing {
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
}

export const parseConfigText = (text: string, parsing: ConfigParsing = {}): Config =>
  parseConfig(text, { env: {}, hostname: "host-1", file: "/etc/tally/tallylake.yaml", ...parsing });

/** The problems of a config as `line:column: message`. */
export function configProblems(text: string, parsing: ConfigParsing = {}): string[] {
  const error = errorOf(() => parseConfigText(text, parsing));
  if (!(error instanceof ConfigError)) throw new Error("no ConfigError", { cause: error });
  return error.problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

/** The problems of `channel.kafka`, each with its column behind the `{`. */
export const channelProblemsOf = (kafka: string, env: Readonly<Record<string, string>> = {}): string[] =>
  configProblems(`${MINIMAL_CONFIG}channel: {kafka: {${kafka}}}\n`, { env }).map((problem) =>
    problem.replace(/^4:(\d+): /, (_match, column) => `${Number(column) - 19}: `),
  );

export function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
