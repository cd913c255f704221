import { EXIT } from "../types/errors.ts";
import type { SourcePosition } from "../types/source-position.ts";
import type { CommandContext, FollowOptions } from "./command.ts";
import { watchConfig } from "./config-watch.ts";
import { FollowDaemon } from "./follow-daemon.ts";
import type { OpenChannel } from "./follow.ts";
import { followInRounds } from "./follow-rounds.ts";
import { remindOf } from "./left-tables.ts";
import { openKafkaChannel, sourceFor } from "./open-channel.ts";
import { Session, type FollowedTables } from "./session.ts";
import { TableKeeping } from "./table-keeping.ts";

/** `tallylake follow`. */
export function followCommand(context: CommandContext, options: FollowOptions): Promise<number> {
  const { log, lifecycle } = context;
  return Session.use(
    context,
    async (session) => {
      const { tables, left } = await session.openFollowedTables();
      const recorder = await session.openRecorder(tables.map((table) => table.lake));
      const target = options.untilCaughtUp ? await session.source.head() : null;
      lifecycle.finishing(() => "what was read of the binlog, with a commit of each table");
      log.info("following", { tables: tables.length, until: target?.gtids.toString() });
      const daemon = new FollowDaemon(context, recorder);
      await daemon.open();
      const reminding = remindOf(left, log);
      try {
        const code = await follow(context, { session, tables, left, recorder, daemon, target });
        await recorder.settled(AbortSignal.timeout(SETTLE_MS)).catch(() => undefined);
        return left.length > 0 ? EXIT.mismatch : code;
      } finally {
        reminding.end();
        await daemon.close();
      }
    },
    sourceFor(context),
  );
}

/** How long a program that ends waits for the trace store to take the last counts; they are not lost. */
const SETTLE_MS = 5000;

interface FollowParts {
  readonly session: Session;
  readonly tables: FollowedTables["tables"];
  readonly left: FollowedTables["left"];
  readonly recorder: Awaited<ReturnType<Session["openRecorder"]>>;
  readonly daemon: FollowDaemon;
  /** The head of the source that is to be reached; null to go on for ever. */
  readonly target: SourcePosition | null;
}

async function follow(
  context: CommandContext,
  { session, tables, left, recorder, daemon, target }: FollowParts,
): Promise<number> {
  const { channel } = context.config;
  const lakes = tables.map((table) => table.lake);
  const keeping = await TableKeeping.open(context, recorder, { lakes, left });
  let endWatch = (): void => undefined;
  const openChannel: OpenChannel | undefined =
    channel === null
      ? undefined
      : async (followed, serverUuid) => {
          const opened = await openKafkaChannel(context, channel, { tables: followed, serverUuid });
          endWatch();
          endWatch = watchConfig(context, opened);
          return opened;
        };
  try {
    return await followInRounds({
      ...{ context, source: session.source, tables: lakes, keeping, target, openChannel },
      look: () => session.look(),
      onRunning: (state) => {
        daemon.running(state);
      },
    });
  } finally {
    endWatch();
    await keeping.settled();
  }
}
