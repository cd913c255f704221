import type { ConfigPath } from "./config-yaml.ts";

/** Mistakes that lie between two keys. They are looked for in the raw data, whatever else is wrong with it. */
export function crossProblems(data: unknown): { readonly path: ConfigPath; readonly message: string }[] {
  return [...sourceProblems(child(data, "source")), ...traceProblems(child(data, "trace"))];
}

function* sourceProblems(source: unknown) {
  const url = child(source, "url");
  const urlHasPassword = typeof url === "string" && /^mysql:\/\/[^@]*:.*@/s.test(url);
  if (urlHasPassword && child(source, "password") !== undefined) {
    yield {
      path: ["source", "password"],
      message: "`source.password` is given, and the URL has a password too; leave one of them out",
    };
  }
  const tls = child(source, "tls");
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const) {
    if (child(tls, one) !== undefined && child(tls, other) === undefined) {
      yield {
        path: ["source", "tls", one],
        message: `\`source.tls.${one}\` needs \`source.tls.${other}\` beside it`,
      };
    }
  }
  const mode = child(tls, "mode");
  if (child(tls, "ca") !== undefined && (mode === "off" || mode === "insecure")) {
    yield { path: ["source", "tls", "ca"], message: `\`source.tls.ca\` has no use when the mode is ${mode}` };
  }
}

function* traceProblems(trace: unknown) {
  const path = child(trace, "path");
  const url = child(trace, "url");
  if (path !== undefined && url !== undefined) {
    yield { path: ["trace", "path"], message: "`trace` has a path and a url; leave one of them out" };
  }
  for (const key of ["user", "password", "database"]) {
    if (url === undefined && child(trace, key) !== undefined) {
      yield {
        path: ["trace", key],
        message: `\`trace.${key}\` is for a server, and \`trace.url\` is missing`,
      };
    }
  }
}

function child(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
