import type { ProgramEntry } from "./program-bundle.ts";

/** What the preload `test/crash/step-hook.ts` does in a child process, handed over as JSON in STEP_PLAN. */
export interface StepPlan {
  /** File that gets the name of every step that is passed, one on each line. */
  readonly record?: string;
  /** The process kills itself, as `kill -9` would, when it passes this step for the nth time. */
  readonly kill?: StepPoint;
  /** The process waits at these points until somebody lets it go on. */
  readonly gates?: readonly Gate[];
  /** Capture hands out a unit after so many rows instead of some ten thousand, so that little data makes many. */
  readonly unitRows?: number;
}

export interface StepPoint {
  readonly step: string;
  /** Counted from 1. */
  readonly nth: number;
}

export interface Gate extends StepPoint {
  /** File that the process makes when it has come there. */
  readonly reached: string;
  /** File that lets it go on. */
  readonly open: string;
}

export const STEP_PLAN = "TALLYLAKE_TEST_STEP_PLAN";
const STEP_HOOK: ProgramEntry = "step-hook";

/** Options of a child process that follows the plan. */
export const withSteps = (plan: StepPlan) => ({
  preload: [STEP_HOOK],
  env: { [STEP_PLAN]: JSON.stringify(plan) },
});

export const formatPoint = ({ step, nth }: StepPoint): string => `${step}#${nth}`;
