import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Makes the folder `path` as a whole or not at all: `fill` works in another one beside it, which then
 * takes its place. The caller holds a lock, so what an earlier, killed call has left can go.
 */
export async function makeFolder(path: string, fill: (fresh: string) => Promise<void>): Promise<void> {
  const parent = dirname(path);
  const prefix = `${basename(path)}.new-`;
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const fresh = await mkdtemp(join(parent, prefix));
  try {
    await fill(fresh);
    await rm(path, { recursive: true, force: true });
    await rename(fresh, path);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
