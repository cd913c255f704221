/**
 * MySQL into Kafka, and the whole path through Kafka into the table, beside what each client does alone with records
 * that are ready made. Once that is done without being counted: a broker that has just been started compiles itself.
 */
import { installLibrdkafka } from "../../scripts/kafka/librdkafka.ts";
import { KafkaServer } from "../../scripts/kafka/server.ts";
import { runCaptureLoop } from "../../src/app/capture-loop.ts";
import type { KafkaChannelConfig } from "../../src/app/channel-config.ts";
import { runFollow } from "../../src/app/follow.ts";
import { connectControl, monotonicMs, openKafkaChannel } from "../../src/app/open-channel.ts";
import type { KafkaChannel } from "../../src/channel/kafka-channel.ts";
import type { KafkaClientName, KafkaDriver } from "../../src/channel/kafka/driver.ts";
import { KafkajsDriver } from "../../src/channel/kafkajs/driver.ts";
import { LibrdkafkaDriver } from "../../src/channel/librdkafka/driver.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { must } from "../../src/util/assert.ts";
import type { BenchServer } from "./data.ts";
import { cpuOf, measure, type Figure } from "./measure.ts";
import { Bench, inFolder, log, never, SHOP } from "./pipeline.ts";
import { PlainDriver } from "./plain-driver.ts";
import { benchAlone, readyMade } from "./ready-made.ts";

export interface KafkaBenchOptions {
  readonly makeBase: (dir: string) => Promise<unknown>;
}

/** With everything a broker does to be fast, which for tests is left out. */
export const startBroker = (): Promise<KafkaServer> =>
  KafkaServer.start({ jvmFlags: ["-XX:TieredStopAtLevel=4"] });

export const channelText = (broker: string, name: string): string =>
  `channel: {kafka: {brokers: ["${broker}"], replication: 1, topic: "${name}.{database}.{table}", positionTopic: "${name}-positions", transactionalId: ${name}}}\n`;

const CLOCK = { nowMs: Date.now, monotonicMs };

/** A client, or the one without transactions. */
type Variant = KafkaClientName | "plain";

async function openDriver(variant: Variant, { endpoint }: KafkaChannelConfig): Promise<KafkaDriver> {
  switch (variant) {
    case "kafkajs":
      return new KafkajsDriver(endpoint, CLOCK);
    case "plain":
      return new PlainDriver(endpoint, CLOCK);
    case "librdkafka": {
      const module = await installLibrdkafka((line) => void process.stderr.write(`${line}\n`));
      return await LibrdkafkaDriver.load(endpoint, monotonicMs, () => import(module));
    }
  }
}

export async function benchKafka(
  prepared: BenchServer,
  { makeBase }: KafkaBenchOptions,
): Promise<readonly Figure[]> {
  await using kafka = await startBroker();
  const run = new KafkaRun(prepared, kafka, makeBase);
  await run.alone("kafkajs");
  const figures: Figure[] = [];
  for (const client of ["kafkajs", "librdkafka"] as const) {
    const alone = await run.alone(client);
    const captured = await run.capture(client);
    const share = percent(captured.rowsPerSec / alone.rowsPerSec);
    figures.push(alone, { ...captured, note: `${share} of ${alone.bench}; ${captured.note ?? ""}` });
  }
  const plain = await run.capture("plain");
  const exact = must(figures[1], "the figure with transactions");
  const ratio = (plain.rowsPerSec / exact.rowsPerSec).toFixed(2);
  figures.push({ ...plain, note: `without transactions ×${ratio} of ${exact.bench}; ${plain.note ?? ""}` });
  figures.push(await run.whole("kafkajs"));
  return figures;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** One broker and one MySQL; each figure has tables and topics of its own. */
class KafkaRun {
  readonly #prepared: BenchServer;
  readonly #kafka: KafkaServer;
  readonly #makeBase: KafkaBenchOptions["makeBase"];

  constructor(prepared: BenchServer, kafka: KafkaServer, makeBase: KafkaBenchOptions["makeBase"]) {
    this.#prepared = prepared;
    this.#kafka = kafka;
    this.#makeBase = makeBase;
  }

  alone(variant: Variant): Promise<Figure> {
    return this.#with(variant, async ({ bench, lake, kafka, driver }) => {
      const checkpoint = must(lake.checkpoint, "the checkpoint of the table");
      const { schema } = await bench.schemaOf(SHOP);
      const from = { schema, from: checkpoint.position, serverUuid: checkpoint.serverUuid };
      const { partitions } = kafka.topics;
      const made = await readyMade(bench, from, { topic: `alone-${variant}`, partitions });
      const control = await connectControl({ log, signal: never, config: bench.config }, kafka);
      const { changes } = this.#prepared.workload;
      const figure = await benchAlone(driver, made, { control, kafka, changes });
      await control.close();
      return figure;
    });
  }

  capture(variant: Variant): Promise<Figure> {
    return this.#with(variant, async ({ bench, lake, channel }) => {
      const { workload } = this.#prepared;
      const target = GtidSet.parse(workload.end.gtids);
      const { serverUuid } = must(lake.checkpoint, "the checkpoint of the table");
      return await this.#measure(`kafka-${variant}-capture`, async () => {
        await runCaptureLoop({
          channel,
          openStream: ({ from, schemas }) =>
            bench.source.stream({ from, schemas, serverUuid, form: channel.takes, patienceMs: null }),
          publish: async () => undefined,
          isEnough: (position) => position.gtids.includes(target),
          onResume: () => undefined,
          onPosition: () => undefined,
          signal: never,
          log,
          now: monotonicMs,
          random: Math.random,
          patienceMs: null,
        });
      });
    });
  }

  whole(variant: Variant): Promise<Figure> {
    return this.#with(variant, ({ bench, lake, channel }) =>
      this.#measure(`kafka-${variant}-follow`, async () => {
        await runFollow({
          config: bench.config,
          source: bench.source,
          tables: [lake],
          target: GtidSet.parse(this.#prepared.workload.end.gtids),
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
      }),
    );
  }

  async #measure(bench: string, work: () => Promise<void>): Promise<Figure> {
    const { workload, server } = this.#prepared;
    const before = cpuOf(this.#kafka.pid);
    const figure = await measure(
      { bench, unit: "changes", serverPid: must(server.pid, "the server's pid") },
      async () => {
        await work();
        return { rows: workload.changes };
      },
    );
    return { ...figure, note: `broker CPU ${(cpuOf(this.#kafka.pid) - before).toFixed(1)} s` };
  }

  #with(variant: Variant, work: (place: KafkaPlace) => Promise<Figure>): Promise<Figure> {
    return inFolder(async (dir) => {
      await this.#makeBase(dir);
      const name = `bench-${this.#names++}`;
      const broker = must(this.#kafka.brokers()[0], "the broker");
      const settings = `commit: {every: 10m, rows: 1000000}\n${channelText(broker, name)}`;
      const bench = await Bench.open(dir, this.#prepared.server.port, settings, { bytesMax: 16 << 20 });
      const { schema, dataBytes } = await bench.schemaOf(SHOP);
      const lake = await bench.openTable(schema, dataBytes);
      const checkpoint = must(lake.checkpoint, "the checkpoint of the table");
      const kafka = must(bench.config.channel, "the channel");
      const driver = await openDriver(variant, kafka);
      const { serverUuid } = checkpoint;
      const channel = await openKafkaChannel({ config: bench.config, log, signal: never }, kafka, {
        tables: [{ schema, checkpoint }],
        serverUuid,
        driver,
      });
      const figure = await work({ bench, lake, kafka, driver, channel });
      await channel.close();
      await lake.close();
      await bench.close();
      return figure;
    });
  }

  #names = 0;
}

interface KafkaPlace {
  readonly bench: Bench;
  readonly lake: LakeTable;
  readonly kafka: KafkaChannelConfig;
  readonly driver: KafkaDriver;
  readonly channel: KafkaChannel;
}
