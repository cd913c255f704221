import { countSteps } from "../../test/support/crash-points.ts";
import type { Kill } from "../../test/support/crash-scenario.ts";

/** What a run passed that nobody killed, and how long it took. */
export interface Recording {
  readonly steps: readonly string[];
  readonly ms: number;
}

const KILLS_MAX = 4;
/** Of all kills; the others come at a step. */
const AT_A_TIME = 0.3;

/**
 * Where one life after the other ends. Steps are drawn by their name, so that one that is passed once comes as
 * often as one that is passed a hundred times. Behind a first life there is less left to pass, so what is drawn
 * for the later ones leans to the beginning.
 */
export function chooseKills(recording: Recording, random: () => number): readonly Kill[] {
  const counts = [...countSteps(recording.steps)];
  const below = (limit: number): number => Math.floor(random() * limit);
  return Array.from({ length: 1 + below(KILLS_MAX) }, (_, life): Kill => {
    const [step, count] = counts[below(counts.length)] ?? [];
    // A little more than the run took, so that the end of a process is hit too.
    if (step === undefined || count === undefined || random() < AT_A_TIME)
      return { afterMs: below(recording.ms * 1.1) };
    return { step, nth: 1 + Math.floor(random() ** (1 + life) * count) };
  });
}
