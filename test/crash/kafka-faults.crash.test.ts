import { afterAll, describe, expect } from "vitest";
import { seededRandom } from "../../scripts/random.ts";
import { chooseFaults, formatFault, KafkaNemesis, type KafkaFault } from "../support/kafka-nemesis.ts";
import type { KafkaApi, Strike } from "../support/kafka-proxy.ts";
import { faultClients, KafkaRig, logOf, missingKafka } from "../support/kafka-rig.ts";
import { mysqlTest } from "../support/mysql.ts";

/*
 * Capture and apply are real processes with a broker between them, and changes go on while things happen to all three:
 * answers are lost, processes are killed, connections hang. Both halves have to mend it by themselves; in the end
 * every cell is MySQL's, the report says so too, and Kafka's own consumer finds each change once. The numbers in the
 * names are those of the list of hard cases.
 */

/** What the random faults follow from; `npm run soak -- --kafka` draws from other seeds. */
const SEED = 185;
const FAULTS = 8;

describe.each(faultClients)("%s", (client) => {
  let opened: Promise<KafkaRig> | null = null;

  const test = mysqlTest.extend("rig", async ({ mysql, skip }) => {
    const missing = await missingKafka();
    return missing === null ? (opened ??= KafkaRig.open(mysql, { client })) : skip(`no Kafka: ${missing}`);
  });

  afterAll(async () => {
    await (await opened)?.[Symbol.asyncDispose]();
  });

  const answers = (apis: readonly KafkaApi[], strikes: readonly Strike[]): readonly KafkaFault[] =>
    apis.flatMap((api) => strikes.map((strike): KafkaFault => ({ kind: "answer", api, strike })));

  test("F178 F180 F185 F186 K3 K4: an answer is lost, cut off, slow, or its request late", async ({
    rig,
  }) => {
    const path = await rig.path({ name: "answers", seed: 1, channel: { requestTimeout: "1s" } });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    const faults = [
      ...answers(["EndTxn", "Produce", "AddPartitionsToTxn"], ["lose", "cut", "refuse", "late", "slow"]),
      ...answers(["InitProducerId"], ["lose", "cut", "late"]),
      ...answers(["Fetch"], ["lose", "cut", "slow"]),
      ...answers(["Metadata", "ListOffsets", "FindCoordinator"], ["lose", "cut"]),
    ];
    {
      await using _writing = path.writing();
      for (const fault of faults) await nemesis.let(fault);
    }
    expect(await nemesis.finish()).toEqual([]);
    expect(nemesis.missed).toEqual([]);
    // Each commit whose outcome was not known is told, with its cause; and where it went on.
    const log = logOf(nemesis.capture);
    const unknown = log.filter(
      ({ code, cause = "" }) => code === "KAFKA_OUTCOME_UNKNOWN" && /EndTxn/.test(cause),
    );
    expect(unknown.length).toBeGreaterThanOrEqual(4);
    const begun = log.filter(({ message, from = "" }) => message === "capturing" && from !== "");
    expect(begun.length).toBeGreaterThan(unknown.length);
  });

  test("F178 K8: cut, black hole one way, latency, a broker that stands still", async ({ rig }) => {
    const path = await rig.path({ name: "network", seed: 2, channel: { requestTimeout: "1s" } });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    const faults: readonly KafkaFault[] = [
      { kind: "cut" },
      { kind: "hole", ways: ["toBroker"], ms: 1500 },
      { kind: "hole", ways: ["toClient"], ms: 1500 },
      { kind: "latency", perFrameMs: 50, ms: 1000 },
      { kind: "pause", whom: "broker", ms: 2500 },
    ];
    {
      await using _writing = path.writing();
      for (const fault of faults) await nemesis.let(fault);
    }
    expect(await nemesis.finish()).toEqual([]);
  });

  test(`F178 F180: faults at random, seed ${SEED}`, async ({ rig }) => {
    const faults = chooseFaults(seededRandom(SEED), FAULTS);
    const path = await rig.path({ name: `seed ${SEED}`, seed: SEED });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    {
      await using _writing = path.writing();
      for (const fault of faults) await nemesis.let(fault);
    }
    expect(await nemesis.finish(), faults.map(formatFault).join("; ")).toEqual([]);
  });

  test("F188 K9: a consumer of committed records sees each change once, and in the order of its key", async ({
    rig,
  }) => {
    expect(await rig.topicsWrong()).toEqual([]);
  });
});
