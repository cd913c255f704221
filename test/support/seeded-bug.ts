import type { ProgramEntry } from "./program-bundle.ts";

/** Where the preload `test/crash/seed-bug.ts` makes the program wrong. */
export type BugSite = "capture" | "channel" | "lake" | "repeat" | "dedup";

export const BUG_SITE = "TALLYLAKE_TEST_BUG_SITE";

const SEED_BUG: ProgramEntry = "seed-bug";

/** Options of a child process that is wrong at this place. */
export const withBugAt = (site: BugSite) => ({
  preload: [SEED_BUG],
  env: { [BUG_SITE]: site },
});
