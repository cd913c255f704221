import { Router } from "../dedup/router.ts";
import { TableApplier } from "../dedup/table-applier.ts";
import type { Recorder } from "../trace/recorder.ts";
import { EXIT } from "../types/errors.ts";
import type { LakeTable } from "../types/ports.ts";
import { must } from "../util/assert.ts";
import type { ApplyOptions, CommandContext } from "./command.ts";
import { FollowDaemon } from "./follow-daemon.ts";
import { followed, remind, startOf, stopsOf, TICK_MS } from "./follow.ts";
import { remindOf } from "./left-tables.ts";
import { monotonicMs, openKafkaChannel, requireKafka } from "./open-channel.ts";
import { drain } from "./pipeline.ts";
import { identityOf, Session } from "./session.ts";
import { TableKeeping } from "./table-keeping.ts";

/** How long a program that ends waits for the trace store to take the last counts; they are not lost. */
const SETTLE_MS = 5000;
/** How often a stopped table is told about again. */
const REMIND_MS = 60_000;

/** `tallylake apply`: Kafka into the tables. It does not need the source. */
export function applyCommand(context: CommandContext, options: ApplyOptions): Promise<number> {
  const { log, lifecycle } = context;
  requireKafka(context, "apply");
  return Session.use(context, async (session) => {
    const { tables, left } = await session.openAppliedTables();
    const recorder = await session.openRecorder(tables);
    lifecycle.finishing(() => "what was read of Kafka, with a commit of each table");
    const daemon = new FollowDaemon(context, recorder);
    await daemon.open();
    const reminding = remindOf(left, log);
    const keeping = await TableKeeping.open(context, recorder, { lakes: tables, left });
    try {
      const code = await apply(context, options, { tables, recorder, daemon, keeping });
      await recorder.settled(AbortSignal.timeout(SETTLE_MS)).catch(() => undefined);
      return left.length > 0 ? EXIT.mismatch : code;
    } finally {
      await keeping.settled();
      reminding.end();
      await daemon.close();
    }
  });
}

interface ApplyParts {
  readonly tables: readonly LakeTable[];
  readonly recorder: Recorder;
  readonly daemon: FollowDaemon;
  readonly keeping: TableKeeping;
}

async function apply(
  context: CommandContext,
  { untilCaughtUp }: ApplyOptions,
  { tables, daemon, keeping }: ApplyParts,
): Promise<number> {
  const { config, log, signal } = context;
  const { serverUuid } = must(tables[0]?.checkpoint, "the checkpoint of a table");
  const identity = identityOf(config);
  const appliers = tables.map((table) => new TableApplier({ table, identity, serverUuid, now: monotonicMs }));
  const router = new Router({
    appliers,
    policy: config.commit,
    now: monotonicMs,
    onCommit: keeping.onCommit,
    onStop: (_applier, stop) => {
      keeping.onStop(stop);
    },
  });
  const kafka = requireKafka(context, "apply");
  const channel = await openKafkaChannel(context, kafka, { tables: followed(tables), serverUuid });
  const reminder = setInterval(() => {
    remind(stopsOf(appliers), log);
  }, REMIND_MS);
  daemon.running({ appliers, stops: () => stopsOf(appliers), backlog: () => channel.backlog() });
  try {
    const target = untilCaughtUp ? await channel.newest() : null;
    log.info("applying", { tables: tables.length, until: target?.gtids.toString() });
    const isEnough = (): boolean =>
      target !== null && router.hasReached((position) => position.gtids.includes(target.gtids));
    const isThere =
      untilCaughtUp &&
      tables.every(
        ({ checkpoint }) => target === null || checkpoint?.position.gtids.includes(target.gtids) === true,
      );
    if (!isThere) {
      await drain({ channel, router, from: startOf(tables), isEnough, signal, tickMs: TICK_MS });
    }
    await router.commitAll();
  } finally {
    clearInterval(reminder);
    await router.settle();
    await channel.close();
  }
  remind(stopsOf(appliers), log);
  return appliers.some(({ stop }) => stop !== null) ? EXIT.mismatch : EXIT.ok;
}
