import { syncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";

const LOOK_MS = 100;
/** Markers are written at once; a broker that has just come back may need some seconds. */
const LOOKS_MAX = 100;

/**
 * Waits until nothing in the position topic is open. A new producer has ended all earlier transactions of its id, and
 * nobody else writes there, so what is open is one whose outcome is not shown yet. Whoever went on at the newest
 * position in front of it would write once more what it holds.
 *
 * @throws SyncError KAFKA_UNREACHABLE, which is tried again
 */
export async function untilDecided(
  topic: string,
  bounds: () => Promise<{ readonly stable: number; readonly end: number }>,
  signal: AbortSignal,
): Promise<void> {
  for (let looks = 1; ; looks++) {
    const { stable, end } = await bounds();
    if (stable >= end) return;
    if (looks === LOOKS_MAX) {
      throw syncError(
        "KAFKA_UNREACHABLE",
        `${topic} has a transaction from offset ${stable} on that is neither committed nor aborted`,
        {
          hint: "wait until the brokers have ended it; one that they have forgotten has to be ended by hand, here and in the topics of the tables: `tallylake status` prints the commands",
        },
      );
    }
    await sleep(LOOK_MS, signal);
  }
}
