import type { ProgramEntry } from "./program-bundle.ts";

/** Names of packages and the URLs of their modules, for the preload `test/crash/module-hook.ts`, as JSON. */
export const MODULE_MAP = "TALLYLAKE_TEST_MODULE_MAP";
const MODULE_HOOK: ProgramEntry = "module-hook";

/** Options of a child process that finds these packages there. */
export const withModules = (urls: Readonly<Record<string, string>>) => ({
  preload: [MODULE_HOOK],
  env: { [MODULE_MAP]: JSON.stringify(urls) },
});
