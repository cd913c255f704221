import { join, resolve, sep } from "node:path";
import { syncError } from "../types/errors.ts";
import type { TableId } from "../types/table-id.ts";
import { assert } from "../util/assert.ts";

/** What ext4, XFS, APFS and the rest allow for one name. */
const NAME_BYTES_MAX = 255;

/**
 * A name as a folder: letters, digits, `_` and `-` as they are, every other byte of its UTF-8 as %XX. So a
 * dot is encoded as well, and no name can be `..`, absolute, hidden, or Hudi's own.
 * @throws SyncError LAKE_NAME_TOO_LONG, which takes 29 or more characters outside of ASCII.
 */
export function encodePathName(name: string): string {
  assert(name !== "", "a database or table has an empty name");
  let encoded = "";
  for (const byte of Buffer.from(name, "utf8")) {
    const c = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (encoded.length > NAME_BYTES_MAX) {
    throw syncError(
      "LAKE_NAME_TOO_LONG",
      `the name ${JSON.stringify(name)} needs ${encoded.length} characters as a folder of the lake; ${NAME_BYTES_MAX} are possible`,
      { hint: "Rename the table, or leave it out of `tables`." },
    );
  }
  return encoded;
}

/** @throws RangeError when no name has this encoding. */
export function decodePathName(encoded: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    if (encoded[i] !== "%") {
      bytes.push(encoded.charCodeAt(i));
      continue;
    }
    bytes.push(Number.parseInt(encoded.slice(i + 1, i + 3), 16));
    i += 2;
  }
  const name = Buffer.from(bytes).toString("utf8");
  if (name === "" || encodePathName(name) !== encoded) {
    throw new RangeError(`not an encoded name: ${JSON.stringify(encoded)}`);
  }
  return name;
}

/** Folders and files of one table. */
export interface TablePaths {
  readonly root: string;
  /** Hudi's own folder: properties and timeline. */
  readonly hoodie: string;
  /** Our own files, and files that are not in place yet. Hudi keeps auxiliary files there and no reader lists it. */
  readonly aux: string;
  readonly properties: string;
  readonly partitionMetadata: string;
  /** Folder of the markers of an instant. */
  readonly markers: (instant: string) => string;
}

export function tablePaths(lakeDir: string, id: TableId): TablePaths {
  const lake = resolve(lakeDir);
  const root = join(lake, encodePathName(id.database), encodePathName(id.table));
  assert(root.startsWith(lake.endsWith(sep) ? lake : lake + sep), `${root} lies outside of the lake`);
  const hoodie = join(root, ".hoodie");
  return {
    root,
    hoodie,
    aux: join(hoodie, ".aux"),
    properties: join(hoodie, "hoodie.properties"),
    partitionMetadata: join(root, ".hoodie_partition_metadata"),
    markers: (instant) => join(hoodie, ".temp", instant),
  };
}
