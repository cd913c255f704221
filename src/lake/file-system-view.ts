/**
 * Which base files of a table belong to which state of it. As in every Hudi reader this comes from the names
 * in the table's folder and the completed instants: the latest slice of a file group is the one of the
 * greatest completed instant, as of an instant the greatest up to that one.
 */
import { createHash } from "node:crypto";
import { parseBaseFileName, type BaseFileName } from "./file-name.ts";

/** A base file with its name. On copy-on-write tables a slice is nothing else. */
export interface FileSlice extends BaseFileName {
  readonly file: string;
}

export class FileSystemView {
  /** By file id; oldest slice first. */
  readonly #groups: ReadonlyMap<string, readonly FileSlice[]>;
  /** Base files of instants that have not completed. */
  readonly uncommitted: readonly FileSlice[];
  /** Names that are neither base files of ours nor hidden. */
  readonly unknown: readonly string[];

  private constructor(
    groups: ReadonlyMap<string, readonly FileSlice[]>,
    rest: { readonly uncommitted: readonly FileSlice[]; readonly unknown: readonly string[] },
  ) {
    this.#groups = groups;
    this.uncommitted = rest.uncommitted;
    this.unknown = rest.unknown;
  }

  static of(names: readonly string[], completed: readonly string[]): FileSystemView {
    const isCompleted = new Set(completed);
    const groups = new Map<string, FileSlice[]>();
    const uncommitted: FileSlice[] = [];
    const unknown: string[] = [];
    for (const file of names) {
      // Hudi's folder, the partition metadata, and checksum files that Hadoop leaves.
      if (file.startsWith(".")) continue;
      const name = parseBaseFileName(file);
      if (name === null) unknown.push(file);
      else if (!isCompleted.has(name.instant)) uncommitted.push({ ...name, file });
      else groups.set(name.fileId, [...(groups.get(name.fileId) ?? []), { ...name, file }]);
    }
    for (const slices of groups.values()) slices.sort((a, b) => (a.instant < b.instant ? -1 : 1));
    return new FileSystemView(groups, { uncommitted: uncommitted.sort(byFile), unknown: unknown.sort() });
  }

  /** All slices of each file group, oldest first. */
  groups(): readonly (readonly FileSlice[])[] {
    return [...this.#groups.values()];
  }

  /** The slices that make up the table, by bucket. */
  latest(): readonly FileSlice[] {
    return this.asOf(null);
  }

  /** The slices that made up the table when `instant` had completed. Older ones may have been cleaned away. */
  asOf(instant: string | null): readonly FileSlice[] {
    const slices: FileSlice[] = [];
    for (const group of this.#groups.values()) {
      const slice = group.findLast((s) => instant === null || s.instant <= instant);
      if (slice !== undefined) slices.push(slice);
    }
    return slices.sort(byFile);
  }
}

const byFile = (a: FileSlice, b: FileSlice): number => (a.file < b.file ? -1 : 1);

/**
 * Names a set of latest slices in 16 hex digits. Each commit records it, so that a base file which has
 * vanished is noticed: without it, an older slice of the group would pass for the latest one.
 */
export const slicesDigest = (latest: readonly Pick<FileSlice, "fileId" | "instant">[]): string =>
  createHash("sha256")
    .update(
      latest
        .map((slice) => `${slice.fileId}:${slice.instant}\n`)
        .sort()
        .join(""),
    )
    .digest("hex")
    .slice(0, 16);
