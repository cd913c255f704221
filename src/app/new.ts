import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { EXIT, syncError } from "../types/errors.ts";
import type { TablePattern } from "../types/table-pattern.ts";
import { formatAddress, isLoopback } from "../util/address.ts";
import { codeOf } from "../util/errors.ts";
import { Secret } from "../util/secret.ts";
import type { BaseContext, NewOptions } from "./command.ts";
import { CONFIG_FILE_DEFAULT, type SourceConfig } from "./config.ts";
import { configSchemaFile } from "./package-info.ts";
import { isReference, secretReader } from "./secret-reference.ts";
import { parseSourceUrl } from "./source-url.ts";
import { starterConfig, type DiscoveredTable } from "./starter-config.ts";

/** What a connection needs, before there is a config. */
export type NewSource = Pick<
  SourceConfig,
  "host" | "port" | "user" | "password" | "tls" | "connectTimeoutMs"
>;

const PASSWORD_REFERENCE = "${env:MYSQL_PASSWORD}";
const LAKE = "./lake";

/**
 * `tallylake new`. `discover` finds the tables that the patterns mean (all but those of the server itself
 * when there are no patterns), with what keeps each from being replicated.
 */
export async function runNew(
  context: BaseContext,
  options: NewOptions,
  discover: (
    source: NewSource,
    tables: readonly TablePattern[],
    signal: AbortSignal,
  ) => Promise<readonly DiscoveredTable[]>,
): Promise<number> {
  if (!options.force && existsSync(options.output)) throw fileIsThere(options.output);
  const { source, url, password } = readSource(context, options);
  context.lifecycle.finishing(() => "nothing: no file is written yet");
  const tables = await discover(source, options.tables, context.signal);
  const schema = schemaReference(options.output);
  const text = starterConfig({ url, password, tables, lake: LAKE, schema });
  writeStarterConfig(options.output, text, options);
  const usable = tables.filter(
    (table) => !table.problems.some(({ severity }) => severity === "error"),
  ).length;
  const refused = tables.length - usable;
  const config = options.output === CONFIG_FILE_DEFAULT ? "" : ` --config ${options.output}`;
  context.err.write(
    [
      `${options.output}: ${usable} table${usable === 1 ? "" : "s"}${refused === 0 ? "" : `, and ${refused} behind a # with the reason`}`,
      ...(password === PASSWORD_REFERENCE
        ? ["the password is read from the environment variable MYSQL_PASSWORD"]
        : []),
      `next: \`tallylake check${config}\``,
      "",
    ].join("\n"),
  );
  return EXIT.ok;
}

interface GivenSource {
  readonly source: NewSource;
  /** For the file. */
  readonly url: string;
  readonly password: string | null;
}

function readSource(context: BaseContext, { source: given, output }: NewOptions): GivenSource {
  // A relative file in a reference is looked for where the config will look for it.
  const reader = secretReader(context.env, path.dirname(path.resolve(output)));
  const result = parseSourceUrl(given, { reader, literalPassword: true });
  if (!result.ok) {
    const code = result.problems.every((problem) => problem.code === "SECRET_MISSING")
      ? "SECRET_MISSING"
      : "USAGE";
    throw syncError(code, `--source: ${result.problems.map(({ message }) => message).join("; ")}`, {
      hint: "give it as `--source 'mysql://user:${env:MYSQL_PASSWORD}@host:3306'`",
    });
  }
  const { host, port, user } = result.url;
  const fromEnv = context.env["MYSQL_PASSWORD"];
  const secret = result.url.password ?? (fromEnv === undefined ? null : new Secret(fromEnv));
  const tls = {
    mode: isLoopback(host) ? ("off" as const) : ("verify" as const),
    ca: null,
    cert: null,
    key: null,
  };
  const source = { host, port, user, password: secret ?? new Secret(""), tls, connectTimeoutMs: 10_000 };
  if (isReference(given) && result.url.password !== null) return { source, url: given, password: null };
  const url = isReference(given)
    ? given
    : `mysql://${encodeURIComponent(user)}@${formatAddress({ host, port })}`;
  return { source, url, password: secret === null ? null : (passwordReference(given) ?? PASSWORD_REFERENCE) };
}

/** The reference that was given as the URL's password, to stand in the file as it is. */
function passwordReference(url: string): string | null {
  const password = /^mysql:\/\/[^:@]*:(\$\{[^}]*\})@/.exec(url)?.[1];
  return password !== undefined && isReference(password) ? password : null;
}

/** Relative when that is shorter: a config moves with its project, and the package in it as well. */
function schemaReference(output: string): string {
  const schema = configSchemaFile();
  const relative = path.relative(path.dirname(path.resolve(output)), schema);
  if (relative.startsWith("..")) return pathToFileURL(schema).href;
  return `./${relative.split(path.sep).map(encodeURIComponent).join("/")}`;
}

/** Never overwrites a file unless told to. */
export function writeStarterConfig(file: string, text: string, options: { readonly force: boolean }): void {
  try {
    writeFileSync(file, text, { flag: options.force ? "w" : "wx" });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") throw fileIsThere(file);
    throw syncError("OUTPUT_FAILED", `${file} cannot be written (${code || "unknown error"})`, {
      hint: "name a file in a folder that you may write to with -o",
      cause: error,
    });
  }
}

const fileIsThere = (file: string): Error =>
  syncError("USAGE", `${file} is there already, and was not touched`, {
    hint: "name another file with -o, or overwrite it with --force",
  });
