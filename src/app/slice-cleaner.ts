import type { TableApplier } from "../dedup/table-applier.ts";
import { formatTableId, tableKey } from "../types/table-id.ts";
import { messageOf } from "../util/errors.ts";
import { formatBytes } from "../util/units.ts";
import type { CommandContext } from "./command.ts";

/** Removes old slices every so many commits of a table, behind its commits and in nobody's way. */
export class SliceCleaner {
  readonly #context: CommandContext;
  readonly #commits = new Map<string, number>();
  readonly #running = new Set<Promise<void>>();

  constructor(context: CommandContext) {
    this.#context = context;
  }

  committed(applier: TableApplier): void {
    const { config } = this.#context;
    const key = tableKey(applier.table.id);
    const made = (this.#commits.get(key) ?? 0) + 1;
    this.#commits.set(key, made % config.clean.everyCommits);
    if (made < config.clean.everyCommits) return;
    const cleaning = this.#clean(applier).finally(() => this.#running.delete(cleaning));
    this.#running.add(cleaning);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #clean(applier: TableApplier): Promise<void> {
    const { config, log, now } = this.#context;
    const table = formatTableId(applier.table.id);
    try {
      const { filesRemoved, bytesRemoved } = await applier.clean(now() - config.clean.retainMs);
      if (filesRemoved > 0)
        log.info("old slices removed", { table, files: filesRemoved, bytes: formatBytes(bytesRemoved) });
    } catch (error) {
      // The data is safe either way; what could not be removed is tried again.
      log.warn("old slices could not be removed", { table, cause: messageOf(error) });
    }
  }
}
