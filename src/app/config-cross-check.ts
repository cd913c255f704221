import { channelProblems } from "./channel-cross-check.ts";
import { tlsProblems } from "./config-tls.ts";
import { child, type CrossProblem } from "./config-yaml.ts";

/** Mistakes that lie between two keys. They are looked for in the raw data, whatever else is wrong with it. */
export function crossProblems(data: unknown): CrossProblem[] {
  return [
    ...sourceProblems(child(data, "source")),
    ...channelProblems(child(data, "channel")),
    ...traceProblems(child(data, "trace")),
  ];
}

function* sourceProblems(source: unknown): Generator<CrossProblem> {
  const url = child(source, "url");
  const urlHasPassword = typeof url === "string" && /^mysql:\/\/[^@]*:.*@/s.test(url);
  if (urlHasPassword && child(source, "password") !== undefined) {
    yield {
      path: ["source", "password"],
      message: "`source.password` is given, and the URL has a password too; leave one of them out",
    };
  }
  yield* tlsProblems(child(source, "tls"), ["source", "tls"]);
}

function* traceProblems(trace: unknown): Generator<CrossProblem> {
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
