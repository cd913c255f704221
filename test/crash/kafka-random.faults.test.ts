import { describe, expect } from "vitest";
import { seededRandom } from "../../scripts/random.ts";
import { KAFKA_CLIENTS } from "../../src/channel/kafka/driver.ts";
import { logOf } from "../support/kafka-log.ts";
import { chooseFaults, formatFault, KafkaNemesis, type KafkaFault } from "../support/kafka-nemesis.ts";
import { STRIKES, type KafkaApi, type Strike } from "../support/kafka-proxy.ts";
import { kafkaRigTest, needClient } from "../support/kafka-rig-test.ts";
import type { KafkaPath } from "../support/kafka-rig.ts";

/*
 * Capture and apply are real processes with brokers between them, and changes go on while things happen to all three:
 * answers are lost, processes are killed, connections hang. Both halves have to mend it by themselves; in the end
 * every cell is MySQL's, the report says so too, and Kafka's own consumer finds each change once. The numbers in the
 * names are those of the list of hard cases.
 *
 * Several paths go through the same brokers side by side: what happens to a broker or to the network happens to all.
 * One broker goes at a time; see `scripts/soak/kafka-turn.ts` for what a lone one forgets.
 */

const test = kafkaRigTest({ brokers: 3 });

/**
 * What the random faults follow from, chosen so that brokers, both halves and a second capture are among them;
 * `npm run soak -- --kafka` draws from other seeds.
 */
const SEED = 2;
const FAULTS = 8;

const answers = (apis: readonly KafkaApi[], strikes: readonly Strike[]): readonly KafkaFault[] =>
  apis.flatMap((api) => strikes.map((strike): KafkaFault => ({ kind: "answer", api, strike })));

/** Lets all of them happen while changes are written; what is wrong in the end. */
async function meet(
  path: KafkaPath,
  faults: readonly KafkaFault[],
): Promise<{ readonly wrong: readonly string[]; readonly nemesis: KafkaNemesis }> {
  const nemesis = new KafkaNemesis(path);
  await nemesis.ready();
  {
    await using _writing = path.writing();
    for (const fault of faults) await nemesis.let(fault);
  }
  return { wrong: await nemesis.finish(), nemesis };
}

describe("one request", () => {
  const channel = { requestTimeout: "1s" };

  test.concurrent.for(KAFKA_CLIENTS)(
    "%s: F178 F180 F185 F186 K3 K4: the answer to Produce or EndTxn is lost, cut off, slow, or its request late",
    async (client, { rig, skip }) => {
      await needClient(client, skip);
      const path = await rig.path({ name: `${client} answers`, seed: 1, client, channel });
      const faults = answers(["EndTxn", "Produce", "AddPartitionsToTxn"], STRIKES);
      const { wrong, nemesis } = await meet(path, faults);
      expect(wrong).toEqual([]);
      expect(nemesis.missed).toEqual([]);
      // librdkafka asks again by itself until it knows.
      if (client === "librdkafka") return;
      // Each commit whose outcome was not known is told, with its cause; and where it went on.
      const log = logOf(nemesis.capture);
      const unknown = log.filter(
        ({ code, cause = "" }) => code === "KAFKA_OUTCOME_UNKNOWN" && /EndTxn/.test(cause),
      );
      expect(unknown.length).toBeGreaterThanOrEqual(4);
      const begun = log.filter(({ message, from = "" }) => message === "capturing" && from !== "");
      expect(begun.length).toBeGreaterThan(unknown.length);
    },
  );

  test.concurrent("F178 F180 F185 F186 K3 K4: the answer to what a producer begins with, or to a reader", async ({
    rig,
  }) => {
    const path = await rig.path({ name: "beginnings", seed: 3, channel });
    const { wrong, nemesis } = await meet(path, [
      ...answers(["InitProducerId"], ["lose", "cut", "late"]),
      ...answers(["Fetch"], ["lose", "cut", "slow"]),
      ...answers(["Metadata", "ListOffsets", "FindCoordinator"], ["lose", "cut"]),
    ]);
    expect(wrong).toEqual([]);
    expect(nemesis.missed).toEqual([]);
  });
});

describe("everybody", () => {
  test.concurrent("F178 K8: cut, black hole one way, latency, a broker that stands still", async ({
    rig,
  }) => {
    const path = await rig.path({ name: "network", seed: 2, channel: { requestTimeout: "1s" } });
    const { wrong } = await meet(path, [
      { kind: "cut" },
      { kind: "hole", ways: ["toBroker"], ms: 1500 },
      { kind: "hole", ways: ["toClient"], ms: 1500 },
      { kind: "latency", perFrameMs: 50, ms: 1000 },
      { kind: "pause", whom: "broker", ms: 2500 },
    ]);
    expect(wrong).toEqual([]);
  });

  test.concurrent.for(KAFKA_CLIENTS)(
    `%s: F178 F180: faults at random, seed ${SEED}`,
    async (client, { rig, skip }) => {
      await needClient(client, skip);
      const faults = chooseFaults(seededRandom(SEED), FAULTS);
      const path = await rig.path({ name: `${client} seed ${SEED}`, seed: SEED, client });
      const { wrong } = await meet(path, faults);
      expect(wrong, faults.map(formatFault).join("; ")).toEqual([]);
    },
  );
});

test("F188 K9: a consumer of committed records sees each change once, and in the order of its key", async ({
  rig,
}) => {
  expect(await rig.topicsWrong()).toEqual([]);
});
