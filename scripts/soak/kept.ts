import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findingText, type SoakRun } from "./tally.ts";

/** Moves what is left of a run out of the scratch folder, with what is wrong with it; where it is then. */
export async function keepRun(folder: string, { run, dir }: { run: SoakRun; dir: string }): Promise<string> {
  await mkdir(folder, { recursive: true });
  const kept = await mkdtemp(join(folder, `soak-${run.part}-${run.seed}-`));
  await writeFile(join(kept, "finding.txt"), findingText(run, null));
  // A rename does not go from one file system to another.
  await cp(dir, kept, { recursive: true });
  await rm(dir, { recursive: true, force: true });
  return kept;
}
