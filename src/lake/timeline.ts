/**
 * The timeline of a table: the files in `.hoodie` that say which instants were begun and which completed
 * (timeline layout 1). A commit T is `T.commit.requested`, then `T.inflight`, then `T.commit`, and it counts
 * from the moment the last of them exists. Listing costs three names for each commit that the table ever
 * had, since old instants are not trimmed yet.
 */
import { join } from "node:path";
import { syncError } from "../types/errors.ts";
import { step } from "../util/step.ts";
import type { Storage } from "./storage.ts";

export interface Timeline {
  /** Completed commits, oldest first. */
  readonly completed: readonly string[];
  /** Commits that were requested and not completed, oldest first. */
  readonly pending: readonly string[];
  /** Files of actions that we never take, such as a clean, a rollback or a delta commit. */
  readonly others: readonly string[];
}

const TIMELINE_FILE = /^(\d{14,17})\.(?:(inflight)|([a-z]+)(?:\.([a-z]+))?)$/;

export function parseTimeline(names: readonly string[]): Timeline {
  const completed = new Set<string>();
  const begun = new Set<string>();
  const others: string[] = [];
  for (const name of names) {
    const [, instant, inflight, action, state] = TIMELINE_FILE.exec(name) ?? [];
    if (instant === undefined) continue;
    if (inflight !== undefined) begun.add(instant);
    else if (action !== "commit" || instant.length !== 17) others.push(name);
    else if (state === undefined) completed.add(instant);
    else if (state === "requested") begun.add(instant);
    else others.push(name);
  }
  return {
    completed: [...completed].sort(),
    pending: [...begun].filter((instant) => !completed.has(instant)).sort(),
    others: others.sort(),
  };
}

export const completedFile = (instant: string): string => `${instant}.commit`;
const requestedFile = (instant: string): string => `${instant}.commit.requested`;
const inflightFile = (instant: string): string => `${instant}.inflight`;

/** The timeline in one folder, as the writer changes it. */
export class TimelineFolder {
  readonly #storage: Storage;
  readonly #folder: string;

  constructor(storage: Storage, folder: string) {
    this.#storage = storage;
    this.#folder = folder;
  }

  async load(): Promise<Timeline> {
    return parseTimeline(await this.#storage.list(this.#folder));
  }

  /** Content of a completed commit. */
  async read(instant: string): Promise<string> {
    const path = this.path(instant);
    const bytes = await this.#storage.read(path);
    if (bytes === null) {
      throw syncError("LAKE_FOREIGN_WRITE", `${path} was removed while tallylake used the table`, {
        hint: "Let no other program change the table while tallylake runs, then start again.",
      });
    }
    return new TextDecoder().decode(bytes);
  }

  path(instant: string): string {
    return join(this.#folder, completedFile(instant));
  }

  /**
   * Requested and inflight, both before the first data file: a Java writer that rolls back an instant which
   * is only requested removes the timeline file and nothing else.
   */
  async begin(instant: string): Promise<void> {
    step("lake.commit.begin");
    await this.#create(requestedFile(instant));
    step("lake.commit.requested");
    await this.#create(inflightFile(instant));
    step("lake.commit.inflight");
    await this.#storage.syncFolder(this.#folder);
  }

  /** The moment at which the commit counts: its completed file comes into being with all of its content. */
  async complete(instant: string, content: string): Promise<void> {
    step("lake.commit.complete");
    if (!(await this.#storage.createIfAbsent(this.path(instant), content))) throw fenced(this.path(instant));
    step("lake.commit.completed");
  }

  /** Takes back what `begin` did, in an order in which the instant never looks younger than it is. */
  async forget(instant: string): Promise<void> {
    await this.#storage.remove(join(this.#folder, inflightFile(instant)));
    step("lake.recover.inflight");
    await this.#storage.remove(join(this.#folder, requestedFile(instant)));
    await this.#storage.syncFolder(this.#folder);
    step("lake.recover.requested");
  }

  async #create(name: string): Promise<void> {
    const path = join(this.#folder, name);
    if (!(await this.#storage.createEmpty(path))) throw fenced(path);
  }
}

/** Somebody else writes to the table at this moment, in spite of the lock. */
export const fenced = (path: string): Error =>
  syncError("LAKE_FENCED", `another writer has changed the table: ${path}`, {
    hint: "Stop the other writer. Compare the table with its source (report --deep) before you start again.",
  });
