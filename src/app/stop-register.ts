/**
 * The tables that stopped, in a file beside the config's other state, so that `status` can name them and their
 * remedies when no process runs any more. A stop holds as long as the table's checkpoint has not passed it: a
 * table that was taken up again, or made anew by a snapshot, is not stopped, whatever the file says.
 */
import { join } from "node:path";
import { z } from "zod";
import { LocalStorage, TEMP_PREFIX } from "../lake/storage-local.ts";
import { TableReader } from "../lake/table-reader.ts";
import { syncError } from "../types/errors.ts";
import { GtidSet } from "../types/gtid.ts";
import type { TableStop } from "../types/ports.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { messageOf, SyncError } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { daemonStop, type DaemonStop } from "./daemon-protocol.ts";

const stopsJson = z.strictObject({ version: z.literal(1), stops: z.array(daemonStop) });

const STOPS_FILE = "stops.json";
const stopsFile = (stateDir: string): string => join(stateDir, STOPS_FILE);

/** What the file says; the caller holds it against the checkpoints. */
export async function readStops(stateDir: string): Promise<readonly DaemonStop[]> {
  const path = stopsFile(stateDir);
  const bytes = await new LocalStorage(stateDir).read(path);
  if (bytes === null) return [];
  try {
    return stopsJson.parse(JSON.parse(new TextDecoder().decode(bytes))).stops;
  } catch (error) {
    throw syncError("LAKE_IO", `${path}, which names the tables that stopped, cannot be read`, {
      hint: "remove the file; `tallylake follow` stops again at what stopped it",
      cause: error,
    });
  }
}

/** Whether a table with this checkpoint still stands where it stopped. */
export const holdsStop = (stop: DaemonStop, checkpoint: GtidSet | null): boolean =>
  checkpoint !== null && GtidSet.parse(stop.gtids).includes(checkpoint);

export function describeStop(stop: TableStop): DaemonStop {
  const { table, code, message, hint, at } = stop;
  const { file, offset, gtids } = at;
  return { ...table, code, message, hint, file, offset, gtids: gtids.toString() };
}

/** Removes what a process that was killed has left of writing the file; for the only one that writes it. */
export async function removeHalfWritten(stateDir: string): Promise<void> {
  const storage = new LocalStorage(stateDir);
  for (const name of await storage.list(stateDir)) {
    if (name.startsWith(TEMP_PREFIX) && name.endsWith(STOPS_FILE)) await storage.remove(join(stateDir, name));
  }
}

/** A table that is not followed at all stands at its last commit; without one it has not begun. */
export async function standingStop(
  lakeDir: string,
  problem: Pick<TableStop, "table" | "code" | "message" | "hint">,
): Promise<TableStop | null> {
  try {
    const last = await new TableReader(lakeDir, problem.table).latest();
    return last === null ? null : { ...problem, at: last.checkpoint.position };
  } catch (error) {
    // What cannot be read is said wherever it is looked at.
    if (error instanceof SyncError) return null;
    throw error;
  }
}

/** The table is not in the lake any more. */
export async function forgetStops(stateDir: string, table: TableId, log: Log): Promise<void> {
  const register = await StopRegister.open(stateDir, log);
  register.forget(table);
  await register.settled();
}

const keyOf = (stop: DaemonStop): string => tableKey({ database: stop.database, table: stop.table });

/** Keeps the file while `follow` runs. That it cannot be written is said, and holds up nobody. */
export class StopRegister {
  readonly #stateDir: string;
  readonly #log: Log;
  readonly #stops: Map<string, DaemonStop>;
  /** End of the writes so far. */
  #tail: Promise<void> = Promise.resolve();

  private constructor(stateDir: string, log: Log, stops: readonly DaemonStop[]) {
    this.#stateDir = stateDir;
    this.#log = log;
    this.#stops = new Map(stops.map((stop) => [keyOf(stop), stop]));
  }

  static async open(stateDir: string, log: Log): Promise<StopRegister> {
    try {
      return new StopRegister(stateDir, log, await readStops(stateDir));
    } catch (error) {
      log.warn("the record of stopped tables begins anew", { cause: messageOf(error) });
      return new StopRegister(stateDir, log, []);
    }
  }

  stopped(stop: TableStop): void {
    this.#stops.set(tableKey(stop.table), describeStop(stop));
    this.#write();
  }

  forget(table: TableId): void {
    if (this.#stops.delete(tableKey(table))) this.#write();
  }

  /** The table has this checkpoint: a stop that it has passed is forgotten. */
  reached(table: TableId, checkpoint: GtidSet): void {
    const stop = this.#stops.get(tableKey(table));
    if (stop === undefined || holdsStop(stop, checkpoint)) return;
    this.#stops.delete(tableKey(table));
    this.#write();
  }

  /** Waits until the file says what is known. */
  settled(): Promise<void> {
    return this.#tail;
  }

  #write(): void {
    const stops = [...this.#stops.values()];
    this.#tail = this.#tail.then(async () => {
      const storage = new LocalStorage(this.#stateDir);
      try {
        const path = stopsFile(this.#stateDir);
        if (stops.length === 0) {
          await storage.remove(path);
          return;
        }
        await storage.createFolder(this.#stateDir);
        await storage.replace(path, `${JSON.stringify({ version: 1, stops })}\n`);
      } catch (error) {
        this.#log.warn("the stopped tables could not be recorded; `status` names them only while this runs", {
          cause: messageOf(error),
        });
      }
    });
  }
}
