import type { StepPoint } from "./step-plan.ts";

/** Distinct steps in the order in which they were first passed, with how often. */
export function countSteps(steps: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const step of steps) counts.set(step, (counts.get(step) ?? 0) + 1);
  return counts;
}

export const firstPassings = (steps: readonly string[]): readonly StepPoint[] =>
  [...countSteps(steps).keys()].map((step) => ({ step, nth: 1 }));

/** In the middle of how often a step was passed, for those that were passed more than once. */
export const middlePassings = (steps: readonly string[]): readonly StepPoint[] =>
  [...countSteps(steps)].flatMap(([step, count]) =>
    count > 1 ? [{ step, nth: Math.ceil((count + 1) / 2) }] : [],
  );
