import type { SourceIdentity } from "../types/checkpoint.ts";
import type { ZeroDatePolicy } from "../types/lake-type.ts";
import type { TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import type { Log } from "../util/log.ts";
import type { LakeDatabase } from "./duckdb.ts";
import type { TablePaths } from "./lake-path.ts";
import type { Storage } from "./storage.ts";
import type { TimelineFolder } from "./timeline.ts";

export interface HudiTableOptions {
  readonly db: LakeDatabase;
  readonly lakeDir: string;
  readonly id: TableId;
  readonly identity: SourceIdentity;
  /** What the source has now: chunks are staged by it until the first commit fixes the table's schema. */
  readonly schema: TableSchema;
  readonly zeroDates: ZeroDatePolicy;
  /** For a table that is made now, see `bucketCountFor`. One that exists keeps its own number. */
  readonly buckets: number;
  readonly now: () => number;
  readonly log: Log;
}

/** The place of a table. */
export interface TableFolder {
  readonly storage: Storage;
  readonly paths: TablePaths;
  readonly timeline: TimelineFolder;
}
