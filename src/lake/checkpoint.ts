/**
 * The writer's own record beside the timeline: what it committed last, and what it is about to commit. The
 * commits are the truth; the record is there to notice when they are no longer what we left: an instant that
 * we did not write, or one of ours that is gone (a Java writer archives old commits, and with them the
 * checkpoint). It also tells a table whose first commit is still to come from somebody's folder.
 */
import { join } from "node:path";
import { z } from "zod";
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from "../types/checkpoint.ts";
import { syncError } from "../types/errors.ts";
import type { Storage } from "./storage.ts";

export interface LastCommit {
  readonly instant: string;
  readonly fence: number;
  /** The second copy of the newest checkpoint. */
  readonly checkpoint: Checkpoint;
}

export interface WriterRecord {
  /** Of the last opening. A writer that finds another number than its own has been replaced. */
  readonly fence: number;
  /** Null before the first commit. */
  readonly last: LastCommit | null;
  /** Instant that may have been begun, so that its leftovers are known to be ours. */
  readonly pending: string | null;
}

export const RECORD_FILE = "tallylake.json";

const recordJson = z.strictObject({
  version: z.literal(1),
  fence: z.number().int().nonnegative(),
  last: z.strictObject({ instant: z.string(), fence: z.number().int(), checkpoint: z.string() }).nullable(),
  pending: z.string().nullable(),
});

export async function readRecord(storage: Storage, auxFolder: string): Promise<WriterRecord | null> {
  const path = join(auxFolder, RECORD_FILE);
  const bytes = await storage.read(path);
  if (bytes === null) return null;
  try {
    const { fence, last, pending } = recordJson.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return {
      fence,
      last: last === null ? null : { ...last, checkpoint: decodeCheckpoint(last.checkpoint) },
      pending,
    };
  } catch (error) {
    throw syncError("LAKE_CORRUPT", `${path} is not the record that tallylake keeps of its commits`, {
      hint: "Restore the table's folder from a backup. If you are sure that nothing else wrote to the table, remove the file: it is made anew from the newest commit.",
      cause: error,
    });
  }
}

export async function writeRecord(storage: Storage, auxFolder: string, record: WriterRecord): Promise<void> {
  const { fence, last, pending } = record;
  const json: z.infer<typeof recordJson> = {
    version: 1,
    fence,
    last:
      last === null
        ? null
        : { instant: last.instant, fence: last.fence, checkpoint: encodeCheckpoint(last.checkpoint) },
    pending,
  };
  await storage.replace(join(auxFolder, RECORD_FILE), `${JSON.stringify(json)}\n`);
}
