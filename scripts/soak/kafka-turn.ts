import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KafkaClientName } from "../../src/channel/kafka/driver.ts";
import { messageOf } from "../../src/util/errors.ts";
import { chooseFaults, formatFault, KafkaNemesis } from "../../test/support/kafka-nemesis.ts";
import { KafkaRig } from "../../test/support/kafka-rig.ts";
import { isReportAlone } from "../../test/support/oracle.ts";
import { seededRandom } from "../random.ts";
import type { TurnContext } from "./parts.ts";
import { KAFKA_FAULTS } from "./schedule.ts";
import type { SoakRun } from "./tally.ts";

/** What one turn differs in from the next. */
export interface KafkaTurn {
  readonly client: KafkaClientName;
  /** Of `channel.kafka`. */
  readonly channel: Readonly<Record<string, string>>;
}

/** So short that a transaction expires while somebody stands still. */
const EXPIRING = { transactionTimeout: "3s" };

/**
 * One broker goes at a time, and others lead in its place. A lone one that is killed between the decision to commit and
 * its markers can forget the markers when it is back, and then nobody reads committed records behind them: Kafka 4.3
 * takes a partition that has no leader at that moment for a deleted one (`TransactionMarkerChannelManager`). No client
 * can mend that.
 */
const BROKERS = 3;

/** Every client has every kind of surroundings within four turns. */
export function kafkaTurnOf(seed: number): KafkaTurn {
  const round = Math.floor(seed / 2);
  return {
    client: seed % 2 === 0 ? "kafkajs" : "librdkafka",
    channel: round % 2 === 1 ? EXPIRING : {},
  };
}

/** Brokers of its own, tables, and both halves with changes between them while faults happen, one after the other. */
export async function kafkaTurn({ rig: crash, seed, report }: TurnContext): Promise<void> {
  const { client, channel } = kafkaTurnOf(seed);
  const faults = chooseFaults(seededRandom(seed), KAFKA_FAULTS, BROKERS);
  const surroundings = [client, ...Object.entries(channel)];
  const name = `${surroundings.join(" ").replaceAll(",", " ")}: ${faults.map(formatFault).join("; ")}`;
  const run = { part: "kafka", client, seed, name, rows: 0, values: 0 } as const;
  await using rig = await KafkaRig.open(crash.mysql, { crash, brokers: BROKERS });
  const path = await rig.path({ name: `seed ${seed}`, seed, client, channel });
  const nemesis = new KafkaNemesis(path);
  try {
    await nemesis.ready();
    {
      await using _writing = path.writing();
      for (const fault of faults) await nemesis.let(fault);
    }
    const wrong = [...(await nemesis.finish()), ...(await rig.topicsWrong())];
    if (wrong.length > 0) {
      await path.keepLogs();
      await writeFile(join(path.place.dir, "faults.log"), `${nemesis.story.join("\n")}\n`);
    }
    const verdict: SoakRun["verdict"] =
      wrong.length === 0 ? "right" : isReportAlone(wrong) ? "false alarm" : "divergence";
    await report({ ...run, verdict, wrong, kills: nemesis.happened }, path.place.dir);
  } catch (error) {
    await report({ ...run, verdict: "failure", wrong: [messageOf(error)], kills: nemesis.happened }, null);
  }
}
