import { readFileSync } from "node:fs";
import path from "node:path";
import { codeOf } from "../util/errors.ts";

/** Where secrets come from. Passed in, so that a test has its own environment and files. */
export interface SecretReader {
  readonly env: (name: string) => string | undefined;
  /** Reads a file whose path is relative to the config. Throws what Node throws. */
  readonly readFile: (file: string) => string;
}

export function secretReader(
  env: Readonly<Record<string, string | undefined>>,
  baseDir: string,
): SecretReader {
  return {
    env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
    readFile: (file) => readFileSync(path.resolve(baseDir, file), "utf8"),
  };
}

/** What is wrong with a reference. The message never holds a resolved value. */
export interface ReferenceProblem {
  readonly code: "CONFIG_INVALID" | "SECRET_MISSING";
  readonly message: string;
}

export type Resolution =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: ReferenceProblem };

/** `${env:NAME}` and `${file:path}`, anywhere in a text; also what looks as if it was meant to be one. */
export const REFERENCE = /\$\{([^}]*)\}/g;

export const isReference = (text: string): boolean => /^\$\{[^}]*\}$/.test(text);

/** Resolves one reference, `text` being all of `${…}`. */
export function resolveReference(text: string, reader: SecretReader): Resolution {
  const body = text.slice(2, -1);
  const colon = body.indexOf(":");
  const scheme = colon < 0 ? "" : body.slice(0, colon);
  const argument = body.slice(colon + 1);
  if (scheme === "env") return resolveEnv(text, argument, reader);
  if (scheme === "file") return resolveFile(text, argument, reader);
  const meant = scheme === "" && ENV_NAME.test(body) ? `; did you mean \`\${env:${body}}\`?` : "";
  return invalid(`\`${text}\` must be \`\${env:NAME}\` or \`\${file:path}\`${meant}`);
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function resolveEnv(text: string, name: string, reader: SecretReader): Resolution {
  if (!ENV_NAME.test(name)) return invalid(`\`${text}\` names no environment variable`);
  const value = reader.env(name);
  return value === undefined
    ? missing(`the environment variable ${name} of \`${text}\` is not set`)
    : { ok: true, value };
}

function resolveFile(text: string, file: string, reader: SecretReader): Resolution {
  if (file.trim() === "" || file.includes("\0")) return invalid(`\`${text}\` names no file`);
  try {
    // Editors and `echo` end a file with a newline that is no part of the secret.
    return { ok: true, value: reader.readFile(file).replace(/\r?\n$/, "") };
  } catch (error) {
    return missing(`the file of \`${text}\` cannot be read (${codeOf(error) || "unknown error"})`);
  }
}

const invalid = (message: string): Resolution => ({
  ok: false,
  problem: { code: "CONFIG_INVALID", message },
});
const missing = (message: string): Resolution => ({
  ok: false,
  problem: { code: "SECRET_MISSING", message },
});
