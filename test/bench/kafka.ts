import { KafkaServer } from "../../scripts/kafka/server.ts";
import { runCaptureLoop } from "../../src/app/capture-loop.ts";
import { runFollow } from "../../src/app/follow.ts";
import { monotonicMs, openKafkaChannel } from "../../src/app/open-channel.ts";
import type { KafkaChannel } from "../../src/channel/kafka-channel.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { must } from "../../src/util/assert.ts";
import type { BenchServer } from "./data.ts";
import { measure, type Figure } from "./measure.ts";
import { Bench, inFolder, log, never, SHOP } from "./pipeline.ts";

export interface KafkaBenchOptions {
  readonly client: string;
  readonly makeBase: (dir: string) => Promise<unknown>;
}

const channelText = (broker: string, client: string, name: string): string =>
  `channel: {kafka: {brokers: ["${broker}"], client: ${client}, replication: 1, topic: "${name}.{database}.{table}", positionTopic: "${name}-positions", transactionalId: ${name}}}\n`;

/** MySQL into Kafka, and the whole path through Kafka into the table. */
export async function benchKafka(
  prepared: BenchServer,
  { client, makeBase }: KafkaBenchOptions,
): Promise<readonly Figure[]> {
  await using kafka = await KafkaServer.start({ jvmFlags: ["-XX:TieredStopAtLevel=4"] });
  const broker = must(kafka.brokers()[0], "the broker");
  const figures: Figure[] = [];
  figures.push(await inFolder((dir) => capture(prepared, { dir, broker, client, makeBase })));
  figures.push(await inFolder((dir) => whole(prepared, { dir, broker, client, makeBase })));
  return figures;
}

interface Place extends KafkaBenchOptions {
  readonly dir: string;
  readonly broker: string;
}

async function open(
  prepared: BenchServer,
  { dir, broker, client, makeBase }: Place,
  name: string,
): Promise<{ readonly bench: Bench; readonly lake: LakeTable; readonly channel: KafkaChannel }> {
  await makeBase(dir);
  const settings = `commit: {every: 10m, rows: 1000000}\n${channelText(broker, client, name)}`;
  const bench = await Bench.open(dir, prepared.server.port, settings, { bytesMax: 16 << 20 });
  const { schema, dataBytes } = await bench.schemaOf(SHOP);
  const lake = await bench.openTable(schema, dataBytes);
  const checkpoint = must(lake.checkpoint, "the checkpoint of the table");
  const channel = await openKafkaChannel(
    { config: bench.config, log, signal: never },
    must(bench.config.channel, "the channel"),
    { tables: [{ schema, checkpoint }], serverUuid: checkpoint.serverUuid },
  );
  return { bench, lake, channel };
}

async function capture(prepared: BenchServer, place: Place): Promise<Figure> {
  const { bench, lake, channel } = await open(prepared, place, `capture-${place.client}`);
  const { workload, server } = prepared;
  const target = GtidSet.parse(workload.end.gtids);
  const { serverUuid } = must(lake.checkpoint, "the checkpoint of the table");
  const figure = await measure(
    {
      bench: `kafka-${place.client}-capture`,
      unit: "changes",
      serverPid: must(server.pid, "the server's pid"),
    },
    async () => {
      await runCaptureLoop({
        channel,
        openStream: ({ from, schemas }) =>
          bench.source.stream({ from, schemas, serverUuid, form: channel.takes, patienceMs: null }),
        isEnough: (position) => position.gtids.includes(target),
        onResume: () => undefined,
        onPosition: () => undefined,
        signal: never,
        log,
        now: monotonicMs,
        random: Math.random,
        patienceMs: null,
      });
      return { rows: workload.changes };
    },
  );
  await channel.close();
  await lake.close();
  await bench.close();
  return figure;
}

async function whole(prepared: BenchServer, place: Place): Promise<Figure> {
  const { bench, lake, channel } = await open(prepared, place, `whole-${place.client}`);
  const { workload, server } = prepared;
  const figure = await measure(
    {
      bench: `kafka-${place.client}-follow`,
      unit: "changes",
      serverPid: must(server.pid, "the server's pid"),
    },
    async () => {
      const code = await runFollow({
        config: bench.config,
        source: bench.source,
        tables: [lake],
        target: GtidSet.parse(workload.end.gtids),
        log,
        signal: never,
        now: monotonicMs,
        onRunning: () => undefined,
        onCommit: () => undefined,
        onStop: (stop) => {
          throw new Error(stop.message);
        },
        openChannel: async () => channel,
      });
      if (code !== 0) throw new Error(`follow ended with ${code}`);
      return { rows: workload.changes };
    },
  );
  await lake.close();
  await bench.close();
  return figure;
}
