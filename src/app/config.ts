import { createHash } from "node:crypto";
import path from "node:path";
import { syncError } from "../types/errors.ts";
import { BY_PRIMARY_KEY, type KeyChoice } from "../types/key-choice.ts";
import type { ZeroDatePolicy } from "../types/lake-type.ts";
import type { TableId } from "../types/table-id.ts";
import { matchesTable, type TablePattern } from "../types/table-pattern.ts";
import { formatAddress, isLoopback } from "../util/address.ts";
import { codeOf } from "../util/errors.ts";
import type { LogLevel, LogOptions } from "../util/log.ts";
import { Secret } from "../util/secret.ts";
import { resolveChannel, type KafkaChannelConfig } from "./channel-config.ts";
import { crossProblems } from "./config-cross-check.ts";
import { ConfigError } from "./config-error.ts";
import { describeIssues } from "./config-issue.ts";
import { configJsonSchema, configSchema, type ParsedConfig, type SCHEMA_CHANGES } from "./config-schema.ts";
import { resolveTls, type TlsConfig } from "./config-tls.ts";
import { readConfigYaml } from "./config-yaml.ts";
import { secretReader, type SecretReader } from "./secret-reference.ts";

export const CONFIG_FILE_DEFAULT = "tallylake.yaml";

/** A config that was checked as a whole: defaults filled in, paths absolute, units resolved. */
export interface Config {
  /** Absolute path of the file. */
  readonly file: string;
  readonly source: SourceConfig;
  readonly tables: readonly TablePattern[];
  readonly exclude: readonly TablePattern[];
  readonly lakeDir: string;
  readonly stateDir: string;
  /** Null: capture and lake in one process, and nothing is kept between them. */
  readonly channel: KafkaChannelConfig | null;
  readonly defaults: TableSettings;
  readonly overrides: readonly OverrideRule[];
  readonly snapshot: { readonly parallel: number; readonly chunkRows: number };
  readonly commit: CommitConfig;
  readonly clean: { readonly retainMs: number; readonly everyCommits: number };
  readonly trace: TraceConfig;
  readonly memory: { readonly duckdbBytes: number; readonly queueBytes: number };
  readonly log: { readonly level: LogLevel; readonly format: LogOptions["format"] };
}

export interface SourceConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty when the config gives none. */
  readonly password: Secret;
  /** First part of every event id, so it must never change. */
  readonly name: string;
  readonly epoch: number;
  readonly tls: TlsConfig;
  /** For the binlog stream of `follow`; the next number is for the second stream that `report` opens. */
  readonly serverId: number;
  readonly connectTimeoutMs: number;
}

export interface CommitConfig {
  readonly everyMs: number;
  readonly rows: number;
  readonly bytes: number;
  readonly idleEveryMs: number;
}

export interface TableSettings extends KeyChoice {
  /** Null: from the size of the table. */
  readonly buckets: number | null;
  readonly zeroDates: ZeroDatePolicy;
  /** Columns that may become text when the lake has no decimal of so many digits. */
  readonly decimalsAsText: readonly string[];
  readonly schemaChanges: (typeof SCHEMA_CHANGES)[number];
}

export interface OverrideRule {
  readonly tables: readonly TablePattern[];
  readonly settings: Partial<TableSettings>;
}

export type TraceConfig =
  | {
      readonly kind: "url";
      readonly url: string;
      readonly user: string;
      readonly password: Secret;
      readonly database: string;
    }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "off" };

/** What a config depends on beside its text; passed in, so that tests have their own. */
export interface ConfigEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of this machine: one part of the replica number. */
  readonly hostname: string;
}

/**
 * Reads and checks a config.
 * @throws ConfigError with every mistake of the file, and CONFIG_MISSING when there is no file.
 */
export function loadConfig(
  file: string,
  environment: ConfigEnvironment & { readonly readFile: (file: string) => Buffer },
): Config {
  let bytes: Buffer;
  try {
    bytes = environment.readFile(path.resolve(file));
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw missingFile(file, error);
    throw syncError(
      "CONFIG_INVALID",
      `the config ${file} cannot be read (${codeOf(error) || "unknown error"})`,
      {
        hint: "make it a file that this user may read, or name another one with --config",
        cause: error,
      },
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const message = "the file is not UTF-8 text";
    throw new ConfigError(file, [{ code: "CONFIG_INVALID", line: 1, column: 1, message }]);
  }
  return parseConfig(text, { ...environment, file });
}

function missingFile(file: string, cause: unknown): Error {
  const output = file === CONFIG_FILE_DEFAULT ? "" : ` -o ${file}`;
  return syncError("CONFIG_MISSING", `there is no config ${file}`, {
    hint: `write one with \`tallylake new --source mysql://user@host:3306${output}\`, or name yours with --config`,
    cause,
  });
}

/** @throws ConfigError with every mistake of the text. */
export function parseConfig(text: string, options: ConfigEnvironment & { readonly file: string }): Config {
  const file = path.resolve(options.file);
  const baseDir = path.dirname(file);
  const reader: SecretReader = secretReader(options.env, baseDir);
  const yaml = readConfigYaml(text);
  if (yaml.problems.length > 0) throw new ConfigError(options.file, yaml.problems);
  const result = configSchema({ baseDir, reader }).safeParse(yaml.data);
  const crossed = crossProblems(yaml.data).map(({ path: at, message }) => ({
    code: "CONFIG_INVALID" as const,
    message,
    ...yaml.place(at, "value"),
  }));
  if (!result.success || crossed.length > 0) {
    const found = result.success
      ? []
      : describeIssues(result.error.issues, { yaml, schema: configJsonSchema() });
    throw new ConfigError(options.file, [...found, ...crossed]);
  }
  const config = resolveConfig(result.data, { file, hostname: options.hostname });
  const clash = resolvedProblem(config, result.data);
  if (clash === null) return config;
  throw new ConfigError(options.file, [
    { code: "CONFIG_INVALID", message: clash.message, ...yaml.place(clash.path, "value") },
  ]);
}

/** A mistake that shows only when references and paths are resolved. */
function resolvedProblem(
  config: Config,
  parsed: ParsedConfig,
): { readonly path: readonly string[]; readonly message: string } | null {
  if (
    "epoch" in parsed.source &&
    parsed.source.password !== undefined &&
    parsed.source.url.password !== null
  ) {
    const message = "`source.password` is given, and the URL has a password too; leave one of them out";
    return { path: ["source", "password"], message };
  }
  const fromLake = path.relative(config.lakeDir, config.stateDir);
  if (fromLake === "" || /^[^.]|^\.\.?[^./\\]/.test(fromLake)) {
    return {
      path: ["lake"],
      message: "`stateDir` must not lie in the folder of `lake`: that holds tables only",
    };
  }
  return null;
}

function resolveConfig(
  parsed: ParsedConfig,
  at: { readonly file: string; readonly hostname: string },
): Config {
  const stateDir = parsed.stateDir ?? path.join(path.dirname(at.file), ".tallylake");
  const { defaults, snapshot, commit, clean, memory, log } = parsed;
  const source = resolveSource(parsed.source, { stateDir, hostname: at.hostname });
  return {
    file: at.file,
    source,
    tables: parsed.tables,
    exclude: parsed.exclude,
    lakeDir: parsed.lake,
    stateDir,
    channel: parsed.channel === undefined ? null : resolveChannel(parsed.channel, source.name),
    defaults: {
      ...{ buckets: null, zeroDates: "null", decimalsAsText: [], schemaChanges: "resnapshot" },
      ...BY_PRIMARY_KEY,
      ...settingsOf(defaults),
    },
    overrides: parsed.overrides.map((rule) => ({ tables: rule.tables, settings: settingsOf(rule) })),
    snapshot,
    commit: {
      everyMs: commit.every,
      rows: commit.rows,
      bytes: commit.bytes,
      idleEveryMs: commit.idleEvery,
    },
    clean: { retainMs: clean.retain, everyCommits: clean.everyCommits },
    trace: resolveTrace(parsed.trace, stateDir),
    memory: { duckdbBytes: memory.duckdb, queueBytes: memory.queue },
    log,
  };
}

function resolveSource(
  parsed: ParsedConfig["source"],
  at: { readonly stateDir: string; readonly hostname: string },
): SourceConfig {
  const { url } = parsed;
  const more = "epoch" in parsed ? parsed : null;
  return {
    host: url.host,
    port: url.port,
    user: url.user,
    password: more?.password ?? url.password ?? new Secret(""),
    name: more?.name ?? formatAddress(url),
    epoch: more?.epoch ?? 1,
    tls: resolveTls(more?.tls, isLoopback(url.host) ? "off" : "verify"),
    serverId: more?.serverId ?? derivedServerId(at),
    connectTimeoutMs: more?.connectTimeout ?? 10_000,
  };
}

/**
 * A server cuts off the older of two replicas with the same number, and a restarted `follow` should cut off
 * its own former connection. So the number is the same for one state folder on one machine, another one for
 * every other, and above 2^31, where people rarely number servers by hand. It is a multiple of 4: the two behind it
 * are free for `report` and for snapshots that are taken again.
 */
function derivedServerId(at: { readonly stateDir: string; readonly hostname: string }): number {
  const digest = createHash("sha256")
    .update(JSON.stringify([at.hostname, at.stateDir]))
    .digest();
  return 2 ** 31 + (digest.readUInt32BE(0) % (2 ** 29 - 1)) * 4;
}

type ParsedSettings = Pick<ParsedConfig["overrides"][number], keyof TableSettings>;

const settingsOf = (parsed: Partial<ParsedSettings>): Partial<TableSettings> => {
  const { buckets, zeroDates, decimalsAsText, schemaChanges, withoutPrimaryKey, key } = parsed;
  return {
    ...(buckets === undefined ? {} : { buckets }),
    // YAML reads a bare `null` as no value, which here is the policy of that name.
    ...(zeroDates === undefined ? {} : { zeroDates: zeroDates ?? "null" }),
    ...(decimalsAsText === undefined ? {} : { decimalsAsText }),
    ...(schemaChanges === undefined ? {} : { schemaChanges }),
    ...(withoutPrimaryKey === undefined ? {} : { withoutPrimaryKey }),
    ...(key === undefined ? {} : { key }),
  };
};

function resolveTrace(parsed: ParsedConfig["trace"], stateDir: string): TraceConfig {
  if (parsed === undefined) return { kind: "path", path: path.join(stateDir, "trace") };
  if ("off" in parsed) return { kind: "off" };
  if (parsed.url === undefined) return { kind: "path", path: parsed.path ?? path.join(stateDir, "trace") };
  return {
    kind: "url",
    url: parsed.url,
    user: parsed.user ?? "default",
    password: parsed.password ?? new Secret(""),
    database: parsed.database ?? "tallylake",
  };
}

/** Settings of one table, and the number of the rule they come from (null: the defaults). */
export function settingsFor(
  config: Pick<Config, "defaults" | "overrides">,
  table: TableId,
  options?: { readonly ignoreCase: boolean },
): TableSettings & { readonly rule: number | null } {
  const rule = config.overrides.findIndex(({ tables }) =>
    tables.some((pattern) => matchesTable(pattern, table, options)),
  );
  return { ...config.defaults, ...config.overrides[rule]?.settings, rule: rule < 0 ? null : rule };
}
