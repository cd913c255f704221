import type { Column } from "../types/table-schema.ts";
import { identifier, literal } from "./duckdb.ts";
import { META_COLUMNS, TRACKING_COLUMNS, userColumns, type LakeColumn } from "./lake-column.ts";
import { META_SUFFIX } from "./query-names.ts";
import type { OwnCommit } from "./table-state.ts";

/** A state of a table to be shown. */
export interface ShownState {
  readonly commit: Pick<OwnCommit, "schema" | "zeroDates">;
  readonly files: readonly string[];
}

/**
 * The views of a table: under its own name the source's columns, and under `<table>$meta` those, then
 * tallylake's and Hudi's. They show the same rows, under the names of the source; only that a column whose name
 * is like one of the added ones goes by its name in the lake where those are.
 */
export function viewStatements(state: ShownState, options: { readonly withMeta: boolean }): string[] {
  const { schema, zeroDates } = state.commit;
  const { database, table } = schema.id;
  const columns = userColumns(schema, zeroDates).map((column, i) => ({
    ...column,
    source: schema.columns[i],
    shown: schema.columns[i]?.name ?? column.name,
  }));
  const added: readonly LakeColumn[] = [
    ...TRACKING_COLUMNS,
    ...META_COLUMNS.map((name) => ({ name, type: { duck: "VARCHAR", avro: "string" } })),
  ];
  const isAdded = new Set(added.map(({ name }) => name.toLowerCase()));
  const beside = columns.map((column) =>
    isAdded.has(column.shown.toLowerCase()) ? { ...column, shown: column.name } : column,
  );
  const view = (name: string, list: readonly ShownColumn[]): string =>
    `CREATE VIEW ${identifier(database)}.${identifier(name)} AS ${selectFiles(list, state.files)}`;
  return [
    `CREATE SCHEMA IF NOT EXISTS ${identifier(database)}`,
    view(table, columns),
    ...(options.withMeta ? [view(`${table}${META_SUFFIX}`, [...beside, ...added])] : []),
  ];
}

interface ShownColumn extends LakeColumn {
  readonly source?: Column | undefined;
  /** Where it is not the name in the lake. */
  readonly shown?: string;
}

function selectFiles(columns: readonly ShownColumn[], files: readonly string[]): string {
  if (files.length === 0) {
    const nulls = columns.map((column) => `CAST(NULL AS ${shownType(column)}) AS ${shownName(column)}`);
    return `SELECT ${nulls.join(", ")} WHERE false`;
  }
  const values = columns.map((column) => {
    const name = identifier(column.name);
    return isZoneless(column)
      ? `make_timestamp(epoch_us(${name})) AS ${shownName(column)}`
      : `${name} AS ${shownName(column)}`;
  });
  // Hive's way to write partitions into paths would turn a folder named `a=b` into a column.
  const options = "union_by_name = true, hive_partitioning = false";
  return `SELECT ${values.join(", ")} FROM read_parquet([${files.map(literal).join(", ")}], ${options})`;
}

/**
 * A DATETIME has no zone, and lies in the lake as if it were UTC. Its microseconds are taken as they are: a cast
 * would ask the session for its zone, and is slower by far.
 */
const isZoneless = ({ source, type }: ShownColumn): boolean =>
  source?.type.kind === "datetime" && type.duck === "TIMESTAMPTZ";

const shownName = ({ shown, name }: ShownColumn): string => identifier(shown ?? name);

const shownType = (column: ShownColumn): string => (isZoneless(column) ? "TIMESTAMP" : column.type.duck);
