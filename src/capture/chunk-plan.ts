import { syncError } from "../types/errors.ts";
import type { SnapshotChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { throwIfAborted } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import type { MysqlConnection } from "./connection.ts";
import { boundColumns, chunkSource, type Bound } from "./key-range.ts";

/** Where a walk goes on: the next chunk, and the greatest key of the one before it. */
export interface PlanStart {
  readonly index: number;
  readonly after: Bound | null;
}

export interface ChunkPlanOptions {
  readonly chunkRows: number;
  /** Behind the chunks of a walk that was cut short; from the beginning without it. */
  readonly from?: PlanStart;
  readonly signal?: AbortSignal;
}

/**
 * Cuts a table into chunks of about `chunkRows` rows by walking its primary key, each as soon as it is found.
 * Together they hold every row that is there from now on up to the greatest key of now; rows behind it are
 * left to the stream, so that a table that grows does not keep the snapshot going. The walk reads the index
 * once, ahead of the readers, in statements of one chunk each.
 * A table that is empty, or has a key that cannot be walked, is one chunk without bounds.
 */
export async function* planChunks(
  connection: MysqlConnection,
  schema: TableSchema,
  options: ChunkPlanOptions,
): AsyncGenerator<SnapshotChunk, void, void> {
  const start = options.from ?? { index: 0, after: null };
  const last = boundColumns(schema).length === 0 ? null : await readGreatest(connection, schema);
  if (last === null) {
    // A table that became empty during the walk has nothing behind the chunks that were found.
    if (start.index === 0) yield { index: 0, after: null, through: null };
    return;
  }
  let after = start.after;
  for (let index = start.index; ; index++) {
    throwIfAborted(options.signal);
    const through: Bound =
      (await readNext(connection, schema, { after, last, rows: options.chunkRows })) ?? last;
    yield { index, after, through };
    if (through.every((value, i) => value === last[i])) return;
    after = through;
  }
}

/** The greatest key, by the order of the index; it must be the greatest by comparison as well. */
async function readGreatest(connection: MysqlConnection, schema: TableSchema): Promise<Bound | null> {
  await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  try {
    const everything = chunkSource(schema, { after: null, through: null });
    const last = await readBound(connection, schema, `${everything} ${orderBy(schema, " DESC")} LIMIT 1`);
    if (last === null) return null;
    const behind = chunkSource(schema, { after: last, through: null });
    const beyond = await readBound(connection, schema, `${behind} LIMIT 1`);
    if (beyond === null) return last;
    throw syncError(
      "SNAPSHOT_COUNT",
      `the key of ${formatTableId(schema.id)} does not compare as it sorts: (${beyond.join(", ")}) is greater than the last one, (${last.join(", ")})`,
      { hint: `check the index with CHECK TABLE, or leave the table out with \`exclude\`` },
    );
  } finally {
    await connection.query("COMMIT");
  }
}

/** The key of the row that is `rows` rows behind `after`; null when there are fewer up to the last one. */
function readNext(
  connection: MysqlConnection,
  schema: TableSchema,
  from: { readonly after: Bound | null; readonly last: Bound; readonly rows: number },
): Promise<Bound | null> {
  const source = chunkSource(schema, { after: from.after, through: from.last });
  return readBound(connection, schema, `${source} ${orderBy(schema, "")} LIMIT 1 OFFSET ${from.rows - 1}`);
}

async function readBound(
  connection: MysqlConnection,
  schema: TableSchema,
  rest: string,
): Promise<Bound | null> {
  const columns = boundColumns(schema);
  const list = columns.map((column) => column.expression).join(", ");
  const [row] = await connection.query(`SELECT ${list} ${rest}`);
  if (row === undefined) return null;
  return columns.map((column, i) => column.literal(must(row[i], "a key value")));
}

const orderBy = (schema: TableSchema, direction: "" | " DESC"): string =>
  `ORDER BY ${boundColumns(schema)
    .map((column) => `${column.name}${direction}`)
    .join(", ")}`;
