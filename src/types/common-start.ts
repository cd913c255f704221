import type { Checkpoint } from "./checkpoint.ts";
import { must } from "../util/assert.ts";
import type { GtidSet } from "./gtid.ts";
import type { SourcePosition } from "./source-position.ts";
import { tableKey } from "./table-id.ts";
import type { TableSchema } from "./table-schema.ts";

/**
 * Where a stream for tables of these checkpoints begins: at what all of them hold. `seq` goes on from the highest
 * that any of them has, so that it only grows for each.
 */
export function commonStart(checkpoints: readonly Pick<Checkpoint, "position">[]): SourcePosition {
  const positions = checkpoints.map(({ position }) => position);
  const common = must(positions[0], "the checkpoint of a table").gtids;
  const gtids = positions.reduce((set, position) => set.intersect(position.gtids), common);
  const seq = Math.max(...positions.map((position) => position.seq));
  const least = positions.find((position) => position.gtids.equals(gtids));
  // After a failover the sets need not contain one another, and then no table has stood at this very place.
  return least === undefined ? { file: "", offset: 0, gtids, last: null, seq } : { ...least, seq };
}

/** By `tableKey`, what those of the tables hold that stand further on than a stream which begins there. */
export const heldBeyond = (
  from: SourcePosition,
  tables: readonly { readonly schema: TableSchema; readonly checkpoint: Pick<Checkpoint, "position"> }[],
): ReadonlyMap<string, GtidSet> =>
  new Map(
    tables
      .filter(({ checkpoint }) => !from.gtids.includes(checkpoint.position.gtids))
      .map(({ schema, checkpoint }) => [tableKey(schema.id), checkpoint.position.gtids]),
  );
