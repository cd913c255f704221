import { homedir } from "node:os";
import { afterEach, expect, test, vi } from "vitest";
import { cacheFolder } from "../../../scripts/cache-folder.ts";

afterEach(() => void vi.unstubAllEnvs());

test.each([
  ["/x/y", "/x/y/tallylake"],
  ["relative", `${homedir()}/.cache/tallylake`],
  ["", `${homedir()}/.cache/tallylake`],
  [undefined, `${homedir()}/.cache/tallylake`],
])("XDG_CACHE_HOME=%j", (value, folder) => {
  vi.stubEnv("XDG_CACHE_HOME", value);
  expect(cacheFolder()).toBe(folder);
});
