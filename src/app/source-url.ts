import { Secret } from "../util/secret.ts";
import {
  REFERENCE,
  isReference,
  resolveReference,
  type ReferenceProblem,
  type SecretReader,
} from "./secret-reference.ts";

/** The parts of `mysql://user:password@host:port`. */
export interface SourceUrl {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Null when the URL has none. */
  readonly password: Secret | null;
}

export type SourceUrlResult =
  | { readonly ok: true; readonly url: SourceUrl }
  | { readonly ok: false; readonly problems: readonly ReferenceProblem[] };

const PORT_DEFAULT = 3306;
export const SOURCE_URL_FORM = "mysql://user@host:port";

/**
 * Reads the URL of a source. It may be one reference altogether, and its password may be one; a password
 * in plain letters is refused unless `literalPassword` allows it, which the command line does. No message
 * holds the URL or a part of it that could be secret.
 */
export function parseSourceUrl(
  text: string,
  options: { readonly reader: SecretReader; readonly literalPassword?: boolean },
): SourceUrlResult {
  if (!isReference(text)) return parse(text, options.reader, options.literalPassword === true);
  const resolved = resolveReference(text, options.reader);
  if (!resolved.ok) return { ok: false, problems: [resolved.problem] };
  const result = parse(resolved.value, null, true);
  return result.ok
    ? result
    : {
        ok: false,
        problems: result.problems.map((p) => ({ ...p, message: `what \`${text}\` holds: ${p.message}` })),
      };
}

/** References stand for one part each, so they must not take part in the search for `/`, `:` and `@`. */
function parse(text: string, reader: SecretReader | null, literalPassword: boolean): SourceUrlResult {
  const references: string[] = [];
  const masked =
    reader === null ? text : text.replace(REFERENCE, (found) => `\u0000${references.push(found) - 1}\u0000`);
  // The last @ ends the user and password, so that an unescaped @ in a password does no harm.
  const match = /^mysql:\/\/(?:(.*)@)?(\[[^\]]*\]|[^@:/?#[\]]*)(?::([^/?#]*))?([/?#].*)?$/s.exec(masked);
  if (match === null) return refuse([formProblem(masked)]);
  const [, login = "", host = "", port, rest = "/"] = match;
  const colon = login.indexOf(":");
  const problems: ReferenceProblem[] = [];
  const part = (raw: string, name: string): string => {
    const resolved = resolvePart(raw, name, { references, reader });
    if (resolved.ok) return resolved.value;
    problems.push(resolved.problem);
    return "";
  };
  const rawPassword = colon < 0 ? null : login.slice(colon + 1);
  const rawUser = colon < 0 ? login : login.slice(0, colon);
  if (rawUser === "") problems.push(invalid(`the URL names no user; write it as \`${SOURCE_URL_FORM}\``));
  if (host === "") problems.push(invalid(`the URL names no host; write it as \`${SOURCE_URL_FORM}\``));
  if (rest !== "/") problems.push(restProblem(rest));
  if (rawPassword !== null && !literalPassword && !isToken(rawPassword)) {
    problems.push(invalid(LITERAL_PASSWORD));
  }
  const url: SourceUrl = {
    user: part(rawUser, "user"),
    password: rawPassword === null ? null : new Secret(part(rawPassword, "password")),
    host: part(host, "host").replace(/^\[(.*)\]$/, "$1"),
    port: port === undefined ? PORT_DEFAULT : Number(/^\d{1,5}$/.test(port) ? port : "0"),
  };
  if (url.port < 1 || url.port > 65_535) problems.push(invalid("the port of the URL must be 1 to 65535"));
  return problems.length > 0 ? refuse(problems) : { ok: true, url };
}

export const LITERAL_PASSWORD =
  "a password must not stand in the config; write `${env:MYSQL_PASSWORD}` or `${file:mysql.password}` in its place";

const isToken = (text: string): boolean => /^\0\d+\0$/.test(text);

function resolvePart(
  raw: string,
  name: string,
  source: { readonly references: readonly string[]; readonly reader: SecretReader | null },
): { ok: true; value: string } | { ok: false; problem: ReferenceProblem } {
  const reference = isToken(raw) ? source.references[Number(raw.slice(1, -1))] : undefined;
  if (reference !== undefined && source.reader !== null) return resolveReference(reference, source.reader);
  if (raw.includes("\0")) {
    return { ok: false, problem: invalid(`the ${name} of the URL must be one reference or none`) };
  }
  try {
    return { ok: true, value: decodeURIComponent(raw) };
  } catch {
    const message = `the ${name} of the URL holds a % that is no escape; write it as %25`;
    return { ok: false, problem: invalid(message) };
  }
}

function formProblem(text: string): ReferenceProblem {
  const scheme = /^(jdbc:mysql|jdbc:mariadb|mariadb|mysql2|postgres|postgresql|https?):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    return invalid(`the URL must begin with \`mysql://\`, not with \`${scheme}://\``);
  }
  return invalid(`the URL must have the form \`${SOURCE_URL_FORM}\``);
}

const restProblem = (rest: string): ReferenceProblem =>
  /^\/[^/?#]+$/.test(rest)
    ? invalid("the URL must end behind the port; databases are chosen under `tables`, such as `shop.*`")
    : invalid("the URL must end behind the port; everything else has its own key in the config");

const invalid = (message: string): ReferenceProblem => ({ code: "CONFIG_INVALID", message });
const refuse = (problems: readonly ReferenceProblem[]): SourceUrlResult => ({ ok: false, problems });
