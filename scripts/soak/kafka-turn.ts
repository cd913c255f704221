import { messageOf } from "../../src/util/errors.ts";
import { chooseFaults, formatFault, KafkaNemesis } from "../../test/support/kafka-nemesis.ts";
import { KafkaRig } from "../../test/support/kafka-rig.ts";
import { isReportAlone } from "../../test/support/oracle.ts";
import { seededRandom } from "../random.ts";
import type { TurnContext } from "./parts.ts";
import type { SoakRun } from "./tally.ts";

const FAULTS = 12;

/** A broker of its own, tables, and both halves with changes between them while faults happen, one after the other. */
export async function kafkaTurn({ rig: crash, seed, report }: TurnContext): Promise<void> {
  const faults = chooseFaults(seededRandom(seed), FAULTS);
  const name = faults.map(formatFault).join("; ");
  const run = { part: "kafka", seed, name, rows: 0, values: 0 } as const;
  await using rig = await KafkaRig.open(crash.mysql, { crash });
  const path = await rig.path({ name: `seed ${seed}`, seed });
  const nemesis = new KafkaNemesis(path);
  try {
    await nemesis.ready();
    {
      await using _writing = path.writing();
      for (const fault of faults) await nemesis.let(fault);
    }
    const wrong = [...(await nemesis.finish()), ...(await rig.topicsWrong())];
    const verdict: SoakRun["verdict"] =
      wrong.length === 0 ? "right" : isReportAlone(wrong) ? "false alarm" : "divergence";
    await report({ ...run, verdict, wrong, kills: nemesis.happened }, path.place.dir);
  } catch (error) {
    await report({ ...run, verdict: "failure", wrong: [messageOf(error)], kills: nemesis.happened }, null);
  }
}
