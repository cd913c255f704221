/**
 * What the lake needs from the place where its tables lie. It is small on purpose: a store of objects can
 * do all of it, with a conditional put in place of `createIfAbsent` and a plain one in place of `replace`.
 *
 * Paths are absolute and made by `lake-path.ts`. "Durable" means that the content and its name survive a
 * loss of power. All errors are SyncError with the codes of `io-error.ts`.
 */
export interface Storage {
  /** Names in a folder, in no order; none when the folder is absent. */
  list(folder: string): Promise<readonly string[]>;
  /** The content, or null when there is no such file. */
  read(path: string): Promise<Uint8Array | null>;
  createFolder(folder: string): Promise<void>;
  /** Durably creates the file with all of its content, or returns false when the name is taken. */
  createIfAbsent(path: string, content: string): Promise<boolean>;
  /** Creates an empty file, or returns false when the name is taken. The name needs `syncFolder`. */
  createEmpty(path: string): Promise<boolean>;
  /** Durably puts the content under the name; a reader sees the old or the new one, whole. */
  replace(path: string, content: string): Promise<void>;
  /** A file that another library has written moves into place, its content durable. The name needs `syncFolder`. */
  adopt(from: string, to: string): Promise<number>;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(folder: string): Promise<void>;
  /** Removes a file; none is there afterwards, whether or not there was one. */
  remove(path: string): Promise<void>;
  removeFolder(folder: string): Promise<void>;
  /** Size in bytes, or null when there is no such file. */
  size(path: string): Promise<number | null>;
}
