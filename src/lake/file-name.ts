import { assert } from "../util/assert.ts";
import { isInstant } from "./instant.ts";

/**
 * A base file of a bucket: `<bucket as 8 digits><rest of a UUID>-0_<write token>_<instant>.parquet`. Hudi's
 * bucket index finds the bucket in the first eight digits of the file id, and ClickHouse takes every Parquet
 * file of a table to have exactly three parts between underscores.
 */
export interface BaseFileName {
  readonly bucket: number;
  readonly fileId: string;
  readonly writeToken: string;
  readonly instant: string;
}

const BASE_FILE =
  /^((\d{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-0)_(\d+-\d+-\d+)_(\d+)\.parquet$/;
const BUCKETS_MAX = 99_999_999;

export const formatBaseFileName = (name: Omit<BaseFileName, "bucket">): string =>
  `${name.fileId}_${name.writeToken}_${name.instant}.parquet`;

/** Null when it is not the name of a base file as we write them. */
export function parseBaseFileName(text: string): BaseFileName | null {
  const [, fileId, bucket, writeToken, instant] = BASE_FILE.exec(text) ?? [];
  if (fileId === undefined || writeToken === undefined || instant === undefined || !isInstant(instant)) {
    return null;
  }
  return { bucket: Number(bucket), fileId, writeToken, instant };
}

/** File id of a new group: a UUID that begins with the bucket's number. */
export function newFileId(bucket: number, uuid: string): string {
  assert(bucket >= 0 && bucket <= BUCKETS_MAX, `bucket ${bucket} has more than eight digits`);
  return `${String(bucket).padStart(8, "0")}${uuid.slice(8)}-0`;
}
