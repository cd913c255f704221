/**
 * Looks after the config file while capture runs: changed routing rules apply without a restart. The file is asked for
 * again and again, since news of changes do not come through from mounts over a network or into containers.
 */
import { hostname } from "node:os";
import { readFile, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { sameRules, type RoutingRule } from "../channel/kafka/routing/rule.ts";
import { isSyncError } from "../types/errors.ts";
import { sleep, StopError } from "../util/abort.ts";
import { messageOf } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import type { CommandContext } from "./command.ts";
import { parseConfig } from "./config.ts";
import { child, readConfigYaml } from "./config-yaml.ts";

/** By what a change of a file shows without reading it. */
export interface FileStamp {
  readonly mtimeMs: number;
  readonly size: number;
  /** A file that was put in the place of another one has its own. */
  readonly ino: number;
}

export interface ConfigWatchOptions {
  readonly file: string;
  /** Rules in force. */
  readonly rules: readonly RoutingRule[];
  readonly stat: (file: string) => Promise<FileStamp>;
  readonly readFile: (file: string) => Promise<string>;
  /** The rules of a config's text; null when it has no channel. */
  readonly rulesOf: (text: string) => readonly RoutingRule[] | null;
  readonly apply: (rules: readonly RoutingRule[]) => Promise<void>;
  readonly log: Log;
}

const EVERY_MS = 1000;
const RESTART =
  "a change of anything but channel.kafka.routing takes effect when the program is started again";

export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  #rules: readonly RoutingRule[];
  #stamp = "";
  /** A file that is being written is left alone until one look finds it as the one before did. */
  #isSettling = false;
  #isUnreadable = false;
  #text: string | null = null;
  /** What the file says beside the rules: when the watch began, and when it was last told of. */
  #rest: { readonly begun: unknown; readonly told: unknown } | null = null;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
    this.#rules = options.rules;
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { file, log } = this.#options;
    try {
      if (!(await this.#isToBeRead())) return;
      const text = await this.#options.readFile(file);
      this.#isUnreadable = false;
      if (text === this.#text) return;
      this.#text = text;
    } catch (error) {
      this.#stamp = "";
      if (this.#isUnreadable) return;
      this.#isUnreadable = true;
      log.warn("the config cannot be read; the routing rules stay as they are", {
        file,
        cause: messageOf(error),
      });
      return;
    }
    await this.#take(this.#text);
  }

  async #isToBeRead(): Promise<boolean> {
    const { mtimeMs, size, ino } = await this.#options.stat(this.#options.file);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    const isNew = stamp !== this.#stamp;
    const wasSettling = this.#isSettling;
    this.#stamp = stamp;
    this.#isSettling = isNew && this.#text !== null;
    return !this.#isSettling && (isNew || wasSettling);
  }

  async #take(text: string): Promise<void> {
    const { log, file } = this.#options;
    try {
      const rules = this.#options.rulesOf(text) ?? [];
      this.#tellRest(text);
      if (sameRules(rules, this.#rules)) return;
      await this.#options.apply(rules);
      this.#rules = rules;
      log.info("the config has other routing rules", { file, rules: rules.length });
    } catch (error) {
      if (!isSyncError(error)) throw error;
      log.error("the config has mistakes; the routing rules stay as they are", {
        code: error.code,
        cause: error.message,
        remedy: error.hint,
      });
    }
  }

  #tellRest(text: string): void {
    const rest = withoutRules(readConfigYaml(text).data);
    const { begun, told } = this.#rest ?? { begun: rest, told: rest };
    if (!isDeepStrictEqual(rest, begun) && !isDeepStrictEqual(rest, told)) {
      this.#options.log.warn(RESTART, { file: this.#options.file });
    }
    this.#rest = { begun, told: rest };
  }
}

function withoutRules(data: unknown): unknown {
  const kafka = child(child(data, "channel"), "kafka");
  if (typeof kafka !== "object" || kafka === null) return data;
  return { ...(data as object), channel: { kafka: { ...kafka, routing: null } } };
}

export interface WatchedChannel {
  readonly reroute: (rules: readonly RoutingRule[]) => Promise<void>;
}

/** Watches the config of a command for a channel that it captures into, until the returned function is called. */
export function watchConfig(
  { config, env, log }: Pick<CommandContext, "config" | "env" | "log">,
  channel: WatchedChannel,
): () => void {
  const { file } = config;
  const watch = new ConfigWatch({
    file,
    rules: config.channel?.routing ?? [],
    stat,
    readFile: async (name) => await readFile(name, "utf8"),
    rulesOf: (text) => parseConfig(text, { env, hostname: hostname(), file }).channel?.routing ?? null,
    apply: (rules) => channel.reroute(rules),
    log,
  });
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    for (;;) {
      await watch.look();
      await sleep(EVERY_MS, stop.signal);
    }
  };
  run().catch((error: unknown) => {
    if (!(error instanceof StopError)) {
      log.error("the config is not watched any more", { cause: messageOf(error) });
    }
  });
  return () => {
    stop.abort();
  };
}
