/** Where the preload `test/crash/seed-bug.ts` makes the program wrong. */
export type BugSite = "capture" | "channel" | "lake" | "repeat" | "dedup";

export const BUG_SITE = "TALLYLAKE_TEST_BUG_SITE";

/** Options of a child process that is wrong at this place. */
export const withBugAt = (site: BugSite) => ({
  preload: ["test/crash/seed-bug.ts"],
  env: { [BUG_SITE]: site },
});
