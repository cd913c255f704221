/** A table of the source, by its exact names. */
export interface TableId {
  readonly database: string;
  readonly table: string;
}

/** For people and as a map key. Not reversible when names hold dots; never made into a path or SQL. */
export const formatTableId = (id: TableId): string => `${id.database}.${id.table}`;

/** Injective text of a table id, for use as a map key where names may hold any character. */
export const tableKey = (id: TableId): string => JSON.stringify([id.database, id.table]);

/** The MySQL identifier in back-ticks: the only way a name gets into SQL for the source. */
export function quoteMysql(name: string): string {
  if (name.includes("\0")) throw new RangeError("a MySQL identifier cannot hold the NUL character");
  return `\`${name.replaceAll("`", "``")}\``;
}

export const quoteMysqlTable = (id: TableId): string => `${quoteMysql(id.database)}.${quoteMysql(id.table)}`;

/** The remedy when what the lake has of a table cannot be brought on. */
export const resnapshotHint = (id: TableId): string =>
  `run \`tallylake resnapshot ${formatTableId(id)}\`, which reads the table again`;
