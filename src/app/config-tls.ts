/** The `tls` key, which a source and a channel have alike: its shape, its mistakes, and what comes of it. */
import { z } from "zod";
import { Secret } from "../util/secret.ts";
import { described, pemFile, type ValueContext } from "./config-value.ts";
import { child, type CrossProblem } from "./config-yaml.ts";

const TLS_MODES = ["verify", "insecure", "off"] as const;

export interface TlsConfig {
  readonly mode: (typeof TLS_MODES)[number];
  /** PEM texts. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

/** `plain` says when `off` is the default. */
export const tls = (context: ValueContext, plain: string) =>
  z
    .union([
      z.enum(TLS_MODES).transform((mode) => ({ mode })),
      z.strictObject({
        mode: z.enum(TLS_MODES).default("verify").meta(described("As `tls` alone.")),
        ca: pemFile(context).optional().meta(described("PEM file of the authority to trust.")),
        cert: pemFile(context).optional().meta(described("PEM file of the client's certificate.")),
        key: pemFile(context)
          .transform((text) => new Secret(text))
          .optional()
          .meta(described("PEM file of the client's key.")),
      }),
    ])
    .optional()
    .meta(
      described(
        `verify: encrypted, certificate and host name checked (the default). insecure: encrypted only. off: plain (the default ${plain}).`,
      ),
    );

type ParsedTls = z.output<ReturnType<typeof tls>>;

interface TlsKeys {
  readonly mode: TlsConfig["mode"];
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: Secret | undefined;
}

export function resolveTls(parsed: ParsedTls, modeDefault: TlsConfig["mode"]): TlsConfig {
  const { mode, ca, cert, key }: TlsKeys = parsed ?? { mode: modeDefault };
  return { mode, ca: ca ?? null, cert: cert ?? null, key: key ?? null };
}

/** Mistakes between the keys of the `tls` at this path. */
export function* tlsProblems(value: unknown, at: readonly string[]): Generator<CrossProblem> {
  const name = at.join(".");
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const) {
    if (child(value, one) !== undefined && child(value, other) === undefined) {
      yield { path: [...at, one], message: `\`${name}.${one}\` needs \`${name}.${other}\` beside it` };
    }
  }
  const mode = child(value, "mode");
  if (child(value, "ca") !== undefined && (mode === "off" || mode === "insecure")) {
    yield { path: [...at, "ca"], message: `\`${name}.ca\` has no use when the mode is ${mode}` };
  }
}
