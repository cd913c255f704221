/**
 * `tallylake follow`: the stream of the binlog into the tables of the lake.
 *
 * It begins at the smallest checkpoint of all tables and leaves out, table by table, what a table already
 * holds. Each table commits when it is due; a commit carries the position that it reaches, so a crash at any
 * point repeats work and loses none. A table that cannot go on stops alone and keeps its checkpoint.
 */
import { join } from "node:path";
import type { MysqlSource } from "../capture/mysql-source.ts";
import { InProcessChannel } from "../channel/in-process.ts";
import { Router } from "../dedup/router.ts";
import { TableApplier } from "../dedup/table-applier.ts";
import { EXIT, syncError } from "../types/errors.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { CommitResult, LakeTable, TableStop } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { formatTableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import type { Log } from "../util/log.ts";
import type { Config } from "./config.ts";
import { runPipeline } from "./pipeline.ts";

export interface FollowRun {
  readonly config: Config;
  readonly source: MysqlSource;
  /** Opened tables; each has a first commit. */
  readonly tables: readonly LakeTable[];
  /** End when this has been reached; null to go on for ever. */
  readonly target: GtidSet | null;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly onCommit: (applier: TableApplier, result: CommitResult) => void;
  readonly onStop: (stop: TableStop) => void;
}

const TICK_MS = 100;
/** How often a stopped table is told about again. */
const REMIND_MS = 60_000;

/** Resolves with the exit code: 0, or 1 when a table has stopped. */
export async function runFollow(run: FollowRun): Promise<number> {
  const { config, source, tables, log, signal, now } = run;
  const from = startOf(tables);
  const identity = { source: config.source.name, epoch: config.source.epoch };
  const { serverUuid } = must(tables[0]?.checkpoint, "the checkpoint of a table");
  const appliers = tables.map((table) => new TableApplier({ table, identity, serverUuid, now }));
  const router = new Router({
    appliers,
    policy: config.commit,
    now,
    log,
    onCommit: run.onCommit,
    onStop: (_applier, stop) => {
      run.onStop(stop);
    },
  });
  if (run.target !== null && from.gtids.includes(run.target)) return EXIT.ok;
  const channel = await InProcessChannel.open({
    rowsMax: 1_000_000,
    bytesMax: config.memory.queueBytes,
    spillBytes: config.memory.queueBytes,
    spillDir: join(config.stateDir, "spill"),
  });
  const reminder = setInterval(() => {
    remind(appliers, log);
  }, REMIND_MS);
  try {
    const schemas = tables.map((table) => must(table.schema, "the schema of a table with a commit"));
    const stream = await source.stream({ schemas, from, serverUuid });
    const { target } = run;
    const isEnough = (): boolean => target !== null && router.hasReached(target);
    await runPipeline({ stream, channel, router, from, signal, tickMs: TICK_MS, isEnough });
  } finally {
    clearInterval(reminder);
    await router.settle();
    await channel.close();
  }
  await router.commitAll();
  remind(appliers, log);
  return appliers.some((applier) => applier.stop !== null) ? EXIT.mismatch : EXIT.ok;
}

/**
 * Where the stream begins: at what every table holds. `seq` goes on from the highest that any of them has,
 * so that it only grows for each.
 */
export function startOf(tables: readonly LakeTable[]): SourcePosition {
  const positions = tables.map((table) => {
    const { checkpoint, id } = table;
    if (checkpoint !== null) return checkpoint.position;
    throw syncError("LAKE_TABLE_MISSING", `${formatTableId(id)} has no first commit in the lake`, {
      hint: "run `tallylake init`",
    });
  });
  const common = positions.map((position) => position.gtids).reduce((a, b) => a.intersect(b));
  const seq = Math.max(...positions.map((position) => position.seq));
  const least = positions.find((position) => position.gtids.equals(common));
  // After a failover the sets need not contain one another, and then no table has stood at this very place.
  return least === undefined ? { file: "", offset: 0, gtids: common, last: null, seq } : { ...least, seq };
}

function remind(appliers: readonly TableApplier[], log: Log): void {
  for (const { stop } of appliers) {
    if (stop === null) continue;
    const { file, offset } = stop.at;
    log.error(`${formatTableId(stop.table)} has stopped: ${stop.message}`, {
      code: stop.code,
      position: `${file}:${offset}`,
      remedy: stop.hint,
    });
  }
}
