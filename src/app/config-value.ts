/**
 * The kinds of values that a config holds: each takes what stands in the file and gives what the program
 * uses. A mistake is reported by the value itself, in words that fit behind the name of its key, and without
 * the value where that could be a secret.
 */
import path from "node:path";
import { z } from "zod";
import { parseTablePattern, type TablePattern } from "../types/table-pattern.ts";
import { messageOf } from "../util/errors.ts";
import { Secret } from "../util/secret.ts";
import { parseDurationMs, parseSizeBytes } from "../util/units.ts";
import { isReference, REFERENCE, resolveReference, type SecretReader } from "./secret-reference.ts";
import { LITERAL_PASSWORD, parseSourceUrl, SOURCE_URL_FORM, type SourceUrl } from "./source-url.ts";

/** What the values of a config refer to. */
export interface ValueContext {
  /** Folder of the config file: relative paths begin there. */
  readonly baseDir: string;
  readonly reader: SecretReader;
}

type Issues = z.core.$RefinementCtx;

export function report(issues: Issues, message: string, code = "CONFIG_INVALID"): typeof z.NEVER {
  issues.addIssue({ code: "custom", message, params: { code } });
  return z.NEVER;
}

/** What editors show of a key. */
export const described = (description: string, ...examples: readonly unknown[]) => ({
  description,
  ...(examples.length === 0 ? {} : { examples: [...examples] }),
});

interface Range {
  readonly min: number;
  readonly max: number;
}

export const integer = (range: Range) => z.number().int().min(range.min).max(range.max);

/** `bounds` are the ends of the range in words. */
export const duration = (range: Range, bounds: string) =>
  z
    .string()
    .meta({ pattern: "^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)$" })
    .transform((text, issues) => {
      const ms = parseDurationMs(text);
      if (ms === null) return report(issues, "must be a time with its unit: ms, s, m, h or d, such as `30s`");
      return ms < range.min || ms > range.max ? report(issues, `must be ${bounds}, is ${text}`) : ms;
    });

export const size = (range: Range, bounds: string) =>
  z
    .string()
    .meta({ pattern: "^\\d+(\\.\\d+)?\\s*(B|KB|MB|GB|KiB|MiB|GiB)$" })
    .transform((text, issues) => {
      const bytes = parseSizeBytes(text);
      if (bytes === null) {
        return report(
          issues,
          "must be a size with its unit: B, KiB, MiB, GiB, KB, MB or GB, such as `256MiB`",
        );
      }
      return bytes < range.min || bytes > range.max ? report(issues, `must be ${bounds}, is ${text}`) : bytes;
    });

export const holdsReference = (text: string): boolean => new RegExp(REFERENCE.source).test(text);

/** A reference in a place that knows none would be taken for the text itself. */
function refuseReference(text: string, issues: Issues): boolean {
  if (!holdsReference(text)) return false;
  report(issues, "cannot be a reference; `${env:…}` and `${file:…}` are for URLs, users and passwords");
  return true;
}

export const plainText = () =>
  z
    .string()
    .min(1)
    .transform((text, issues) => (refuseReference(text, issues) ? z.NEVER : text));

export const tablePattern = () =>
  z.string().transform((text, issues): TablePattern => {
    if (refuseReference(text, issues)) return z.NEVER;
    try {
      return parseTablePattern(text);
    } catch (error) {
      return report(issues, `is no table pattern: ${messageOf(error)}`);
    }
  });

/** A text that may be one reference: users and URLs. */
export const referableText = (context: ValueContext) =>
  z
    .string()
    .min(1)
    .transform((text, issues) => {
      if (!holdsReference(text)) return text;
      if (!isReference(text)) return report(issues, "must be one reference or none");
      const resolved = resolveReference(text, context.reader);
      return resolved.ok ? resolved.value : report(issues, resolved.problem.message, resolved.problem.code);
    });

/** `literal` is what is said when the secret itself stands in the file. */
export const secret = (context: ValueContext, literal = LITERAL_PASSWORD) =>
  z
    .string()
    .meta({ pattern: "^\\$\\{(env|file):[^}]+\\}$" })
    .transform((text, issues) => {
      if (!isReference(text)) return report(issues, literal);
      const resolved = resolveReference(text, context.reader);
      return resolved.ok
        ? new Secret(resolved.value)
        : report(issues, resolved.problem.message, resolved.problem.code);
    });

export const folder = (context: ValueContext) =>
  z
    .string()
    .min(1)
    .transform((text, issues) => {
      if (refuseReference(text, issues)) return z.NEVER;
      if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
        return report(issues, "must be a folder of this machine; object stores are not supported yet");
      }
      if (text.includes("\0")) return report(issues, "holds a NUL character");
      return path.resolve(context.baseDir, text);
    });

/** A file that the TLS connection needs: its content, read when the config is. */
export const pemFile = (context: ValueContext) =>
  z
    .string()
    .min(1)
    .transform((file, issues) => {
      if (refuseReference(file, issues)) return z.NEVER;
      const resolved = resolveReference(`\${file:${file}}`, context.reader);
      return resolved.ok ? resolved.value : report(issues, `names a file that cannot be read: ${file}`);
    });

export const sourceUrl = (context: ValueContext) =>
  z
    .string()
    .transform((text, issues): SourceUrl => {
      const result = parseSourceUrl(text, { reader: context.reader });
      if (result.ok) return result.url;
      for (const problem of result.problems) report(issues, problem.message, problem.code);
      return z.NEVER;
    })
    .meta({ description: "Address and user of the MySQL server.", examples: [SOURCE_URL_FORM] });

/** HTTP address of a ClickHouse server, without a slash at its end. */
export const httpUrl = (context: ValueContext) =>
  referableText(context).transform((text, issues) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return report(issues, "must have the form `http://host:8123` or `https://host:8443`");
    }
    if (url.username !== "" || url.password !== "") {
      return report(issues, "must hold no user and no password; they have their own keys beside it");
    }
    return url.href.replace(/\/$/, "");
  });
