import { OP_CODE, type ChangeBatch } from "../../types/change-batch.ts";
import { rowLanes } from "../../types/row-lanes.ts";
import { formatTableId } from "../../types/table-id.ts";
import type { TableSchema } from "../../types/table-schema.ts";
import { must } from "../../util/assert.ts";
import { largeValueIn, type LargeRows } from "./large-rows.ts";
import { LineBuilder } from "./line-builder.ts";
import type { RangeCursor } from "./range-cursor.ts";
import type { RangeDigest } from "./range-digest.ts";
import { foreign, placeOf } from "./record-header.ts";

const BATCH_BYTES_MAX = 4 << 20;
const BATCH_ROWS_MAX = 50_000;

export interface UnitMergeOptions {
  readonly cursors: readonly RangeCursor[];
  /** The tables that take the unit; rows of others are counted and left out. */
  readonly schemas: readonly TableSchema[];
  readonly nextOrdinal: () => number;
  readonly large: LargeRows;
  readonly signal: AbortSignal;
}

/**
 * The changes of one unit, out of all its partitions, in the order of the binlog: each partition is in order of `seq`,
 * so the smallest of their heads is next. What was read is compared with what was written before the last batch is
 * out, and a difference ends the unit with an error.
 */
export async function* mergeUnit(options: UnitMergeOptions): AsyncGenerator<ChangeBatch, void, void> {
  const { cursors, signal } = options;
  const builders = new Map<string, LineBuilder>();
  for (const schema of options.schemas) {
    builders.set(formatTableId(schema.id), new LineBuilder(schema, options.nextOrdinal));
  }
  // Rows of tables that nobody takes here count as well: a range is compared as a whole.
  const others = new Map<string, LineBuilder>();
  const loaded = await Promise.all(
    cursors.map(async (cursor) => ((await cursor.load(signal)) ? cursor : null)),
  );
  const active = loaded.filter((cursor) => cursor !== null);
  while (active.length > 0) {
    const cursor = must(active[leastOf(active)], "the head of a merge");
    const { table, version } = cursor.header.context;
    const taken = builders.get(table);
    const builder = taken ?? otherBuilder(others, table, options.nextOrdinal);
    if (taken !== undefined && version !== taken.schema.version) {
      const place = placeOf(cursor.block, cursor.index, cursor.target);
      throw foreign(place, `it has the schema ${version}, and ${table} has ${taken.schema.version}`);
    }
    if (isLarge(cursor)) await addLarge(builder, cursor, options.large);
    else builder.add(cursor);
    if (builder.byteLength >= BATCH_BYTES_MAX || builder.count >= BATCH_ROWS_MAX) {
      const batch = digested(builder);
      if (taken !== undefined) yield batch;
    }
    if (!cursor.advance() && !(await cursor.load(signal))) active.splice(active.indexOf(cursor), 1);
  }
  const last = [...builders.values()].filter(({ count }) => count > 0).map(digested);
  for (const builder of others.values()) if (builder.count > 0) digested(builder);
  for (const cursor of cursors) cursor.requireSame();
  yield* last;
}

/** Whether the row is not in the record; a delete has its key there in any case. */
const isLarge = ({ header: { op, row } }: RangeCursor): boolean => row === 0 && op !== OP_CODE.d;

async function addLarge(builder: LineBuilder, cursor: RangeCursor, large: LargeRows): Promise<void> {
  const { block, index, target } = cursor;
  const from = block.values.start[index] as number;
  const place = from < 0 ? null : largeValueIn(block.bytes.subarray(from, block.values.end[index]));
  if (place === null) {
    throw foreign(placeOf(block, index, target), "it has no row where its header says, and names no file");
  }
  builder.addRow(cursor, await large.read(place), place.row);
}

/** The place of the cursor whose change comes first. Few partitions have rows of one unit, so they are just walked. */
function leastOf(cursors: readonly RangeCursor[]): number {
  let least = 0;
  let seq = Infinity;
  for (let i = 0; i < cursors.length; i++) {
    const head = (cursors[i] as RangeCursor).header.seq;
    if (head < seq) {
      seq = head;
      least = i;
    }
  }
  return least;
}

function otherBuilder(
  others: Map<string, LineBuilder>,
  table: string,
  nextOrdinal: () => number,
): LineBuilder {
  const known = others.get(table);
  if (known !== undefined) return known;
  const id = { database: "", table };
  const builder = new LineBuilder({ id, columns: [], primaryKey: [], version: "" }, nextOrdinal);
  others.set(table, builder);
  return builder;
}

/** The rows of a builder as a batch, each counted in the digest of its range. */
function digested(builder: LineBuilder): ChangeBatch {
  const { batch, digests } = builder.take();
  const lanes = rowLanes(batch.rows, batch.count);
  for (let i = 0; i < batch.count; i++) (digests[i] as RangeDigest).add(batch, i, lanes);
  return batch;
}
