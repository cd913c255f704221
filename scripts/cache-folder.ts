import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloads and prepared data stay between runs; the XDG base directory rules decide. */
export function cacheFolder(): string {
  const xdg = process.env["XDG_CACHE_HOME"];
  // The rules say that a relative path there is invalid and must be ignored.
  return join(xdg?.startsWith("/") === true ? xdg : join(homedir(), ".cache"), "tallylake");
}

/** Where Node keeps our sources as it compiled them, for NODE_COMPILE_CACHE. */
export const compileCacheFolder = (): string => join(cacheFolder(), "compile-cache");
