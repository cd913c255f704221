import { availableParallelism } from "node:os";
import { join } from "node:path";
import { formatInstant } from "../lake/instant.ts";
import { LakeQuery, type QueryCut } from "../lake/query.ts";
import { isNumeric } from "../lake/query-text.ts";
import type { KnownQuiet } from "../lake/table-history.ts";
import { EXIT, syncError } from "../types/errors.ts";
import { GtidSet } from "../types/gtid.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { formatTableId, tableKey } from "../types/table-id.ts";
import { messageOf, SyncError } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { formatCount, formatDuration } from "../util/units.ts";
import type { AsOf, CommandContext, QueryOptions } from "./command.ts";
import { DaemonClient } from "./daemon-client.ts";
import { lakeTables } from "./lake-tables.ts";
import { tableText } from "./query-table.ts";

/** `tallylake query`. */
export async function queryCommand(context: CommandContext, options: QueryOptions): Promise<number> {
  const { config, log, out, signal, lifecycle } = context;
  lifecycle.finishing(() => "nothing: the query is interrupted");
  if (options.format === "arrow" && out.isTerminal) {
    throw syncError("USAGE", "an Arrow stream is binary, and the output is a terminal", {
      hint: "send it to a file or to a program: `tallylake query --format arrow … > rows.arrows`",
    });
  }
  const query = await LakeQuery.open({
    lakeDir: config.lakeDir,
    tables: await lakeTables(config),
    sql: options.sql,
    asOf: options.asOf === null ? null : newestInstant(options.asOf),
    quiet: () => askDaemon(context),
    limits: {
      memoryBytesMax: config.memory.duckdbBytes,
      threads: availableParallelism(),
      tempDir: join(config.stateDir, "tmp"),
    },
    signal,
  });
  try {
    tellCut(query.cut, log);
    await sendResult(query, options, context);
    return EXIT.ok;
  } finally {
    await query.close();
  }
}

/** The greatest instant that counts: times and the first digits of an instant stand for all that they begin. */
export const newestInstant = (asOf: AsOf): string =>
  asOf.kind === "time" ? formatInstant(asOf.atMs) : asOf.instant.padEnd(17, "9");

/** What a running `follow` knows: up to where tables are unchanged since their last commit. */
async function askDaemon({ config, log }: CommandContext): Promise<ReadonlyMap<string, KnownQuiet>> {
  try {
    const daemon = await DaemonClient.find(config.stateDir);
    const tables = daemon === null ? [] : (await daemon.status()).tables;
    return new Map(
      tables.map(({ database, table, checkpoint, through }) => [
        tableKey({ database, table }),
        { from: GtidSet.parse(checkpoint), through: GtidSet.parse(through) },
      ]),
    );
  } catch (error) {
    // Without its word the position may be an older one; it is as good.
    if (!(error instanceof SyncError)) throw error;
    log.debug("the running follow was not asked", { cause: messageOf(error) });
    return new Map();
  }
}

const positionText = ({ file, offset }: SourcePosition): string => `${file}:${offset}`;

/** Says at which position the tables stand, where that is not what one would expect. */
function tellCut(cut: QueryCut, log: Log): void {
  switch (cut.kind) {
    case "none":
      return;
    case "one":
      if (cut.behindMs > 0) {
        log.info(
          `all tables as of ${positionText(cut.at)}, the newest position that is known of each; newer commits are left out, up to ${formatDuration(cut.behindMs)} later`,
        );
      }
      return;
    case "several": {
      const each = cut.tables.map(({ id, position }) => `${formatTableId(id)} ${positionText(position)}`);
      log.warn(`tables stand at different positions: ${each.join(", ")}`, {
        remedy: "`tallylake follow --until-caught-up` ends with all of them at one",
      });
    }
  }
}

async function sendResult(query: LakeQuery, options: QueryOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  switch (options.format) {
    case "table":
      await sendTable(query, context);
      return;
    case "csv":
      for await (const lines of query.csv()) await out.send(lines);
      return;
    case "json":
      for await (const lines of query.json()) await out.send(lines);
      return;
    case "arrow":
      for await (const bytes of query.arrow()) await out.send(bytes);
  }
}

async function sendTable(query: LakeQuery, { out, err, paint }: CommandContext): Promise<void> {
  const columns = query.columns.map((column) => ({ name: column.name, isNumeric: isNumeric(column) }));
  const width = out.isTerminal ? out.columns : null;
  const count = { rows: 0 };
  for await (const text of tableText(counted(query.cells(), count), { columns, width, paint }))
    await out.send(text);
  err.write(`${formatCount(count.rows)} row${count.rows === 1 ? "" : "s"}\n`);
}

async function* counted<T extends readonly unknown[]>(
  pages: AsyncIterable<T>,
  count: { rows: number },
): AsyncGenerator<T, void, void> {
  for await (const page of pages) {
    count.rows += page.length;
    yield page;
  }
}
