import { literal } from "./duckdb.ts";

/** Bounds what a writer holds of wide rows; narrow ones come in DuckDB's default of 122,880 rows. */
const ROW_GROUP_BYTES = "32MB";

/** Options of every Parquet file that we write. */
const PARQUET_OPTIONS: readonly string[] = [
  "FORMAT parquet",
  "WRITE_BLOOM_FILTER false",
  `ROW_GROUP_SIZE_BYTES ${literal(ROW_GROUP_BYTES)}`,
];

const NO_DICTIONARIES = "DICTIONARY_SIZE_LIMIT 0";
/** Columns of few values: Hudi's names of commit and file, our transactions, an ENUM. More of them cost time. */
const SMALL_DICTIONARIES = "DICTIONARY_SIZE_LIMIT 1000";

/** Each column's dictionary of texts gets 1 MiB at once, used or not: of a wide table less, so that all have no more. */
const NARROW_COLUMNS_MAX = 64;
const DICTIONARIES_BYTES_MAX = 64 * 1024 * 1024;

const textDictionaries = (columns: number): readonly string[] =>
  columns <= NARROW_COLUMNS_MAX
    ? []
    : [`STRING_DICTIONARY_PAGE_SIZE_LIMIT ${Math.floor(DICTIONARIES_BYTES_MAX / columns)}`];

/**
 * Options of a base file. DuckDB's dictionaries take 0.0 and -0.0 for one value, so that one of them comes back
 * with the wrong sign, and there is no way to do without them for some columns only. Where no number of the file is
 * -0.0 they let it be read in half of the time; files that staged rows go through are read once.
 */
export const baseFileOptions = (file: {
  readonly hasMinusZero: boolean;
  readonly columns: number;
}): readonly string[] => [
  ...PARQUET_OPTIONS,
  ...textDictionaries(file.columns),
  file.hasMinusZero ? NO_DICTIONARIES : SMALL_DICTIONARIES,
];

const SORTED_ROW_GROUP_ROWS = 4096;

/**
 * Options of a file of rows that are sorted by bucket and read once for each: in small row groups, so that a
 * reading skips most of what it does not want.
 */
export const SORTED_OPTIONS: readonly string[] = [
  ...PARQUET_OPTIONS,
  NO_DICTIONARIES,
  `ROW_GROUP_SIZE ${SORTED_ROW_GROUP_ROWS}`,
];

/** Options of a file of rows that are read as a whole. */
export const UNSORTED_OPTIONS: readonly string[] = [...PARQUET_OPTIONS, NO_DICTIONARIES];
