import { lakeTypeOf, type LakeType, type ZeroDatePolicy } from "../types/lake-type.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { lakeName } from "./lake-name.ts";

/** Hudi's own columns, which come first in every file. */
export const META_COLUMNS = [
  "_hoodie_commit_time",
  "_hoodie_commit_seqno",
  "_hoodie_record_key",
  "_hoodie_partition_path",
  "_hoodie_file_name",
] as const;

/** A column behind the meta columns: the user's, then ours. */
export interface LakeColumn {
  readonly name: string;
  readonly type: LakeType;
  /** Of a column of the user's whose name the lake cannot have: that name. */
  readonly sourceName?: string;
}

/** Hudi's ordering field: later changes of a row have greater values. */
export const ORDERING_COLUMN = "_tl_seq";

const BIGINT: LakeType = { duck: "BIGINT", avro: "long" };
const VARCHAR: LakeType = { duck: "VARCHAR", avro: "string" };

/** What we add to each row: order, source time, and the event id with its operation. */
export const TRACKING_COLUMNS: readonly LakeColumn[] = [
  { name: ORDERING_COLUMN, type: BIGINT },
  { name: "_tl_ts_ms", type: BIGINT },
  { name: "_tl_txn", type: VARCHAR },
  { name: "_tl_n", type: BIGINT },
  { name: "_tl_op", type: VARCHAR },
];

export const userColumns = (schema: TableSchema, zeroDates: ZeroDatePolicy): readonly LakeColumn[] =>
  schema.columns.map((column) => {
    const name = lakeName(column.name);
    const type = lakeTypeOf(column.type, zeroDates);
    return name === column.name ? { name, type } : { name, type, sourceName: column.name };
  });

export const lakeColumns = (schema: TableSchema, zeroDates: ZeroDatePolicy): readonly LakeColumn[] => [
  ...userColumns(schema, zeroDates),
  ...TRACKING_COLUMNS,
];
