import { heldBeyond } from "../types/common-start.ts";
import { EXIT } from "../types/errors.ts";
import { readUpTo, type SourcePosition } from "../types/source-position.ts";
import { formatTableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import { runCaptureLoop } from "./capture-loop.ts";
import type { CaptureOptions, CommandContext } from "./command.ts";
import { watchConfig } from "./config-watch.ts";
import { remindOf } from "./left-tables.ts";
import { monotonicMs, openKafkaChannel, requireKafka, sourceFor } from "./open-channel.ts";
import { publishSnapshots } from "./publish-snapshots.ts";
import { PATIENCE_MS, Session } from "./session.ts";
import { logStop } from "./table-keeping.ts";

/** `tallylake capture`: the binlog into Kafka. It reads where the tables of the lake stand, and changes nothing there. */
export function captureCommand(context: CommandContext, options: CaptureOptions): Promise<number> {
  const { log, lifecycle, signal } = context;
  const kafka = requireKafka(context, "capture");
  return Session.use(
    context,
    async (session) => {
      const { tables, left } = await session.capturedTables();
      const target = options.untilCaughtUp ? await session.source.head() : null;
      const serverUuid = must(tables[0], "a table").checkpoint.serverUuid;
      const channel = await openKafkaChannel(context, kafka, { tables, serverUuid });
      lifecycle.finishing(() => "the Kafka transaction that is open");
      const endWatch = watchConfig(context, channel);
      const reminding = remindOf(left, log);
      let hasStopped = left.length > 0;
      try {
        await runCaptureLoop({
          channel,
          openStream: ({ from, schemas }) =>
            session.source.stream({
              from,
              schemas,
              serverUuid,
              held: heldBeyond(from, tables),
              form: channel.takes,
              patienceMs: target === null ? null : PATIENCE_MS,
            }),
          publish: (sink) => publishSnapshots(sink, { ...context, now: monotonicMs }),
          isEnough: (position) => target !== null && isReached(position, target),
          onResume: ({ from, schemas, stopped }) => {
            log.info("capturing", {
              tables: schemas.map(({ id }) => formatTableId(id)).join(", "),
              from: from.gtids.toString(),
            });
            for (const stop of stopped) logStop(stop, log);
            hasStopped ||= stopped.length > 0;
          },
          onPosition: ({ stops }) => {
            for (const stop of stops) logStop(stop, log);
            hasStopped ||= stops.length > 0;
          },
          signal,
          log,
          now: monotonicMs,
          random: Math.random,
          patienceMs: target === null ? null : PATIENCE_MS,
        });
        return hasStopped ? EXIT.mismatch : EXIT.ok;
      } finally {
        reminding.end();
        endWatch();
        await channel.close();
      }
    },
    sourceFor(context),
  );
}

const isReached = (position: SourcePosition, target: SourcePosition): boolean =>
  readUpTo(position).includes(target.gtids);
