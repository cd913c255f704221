import { countSource } from "../../src/capture/source-count.ts";
import type { GtidSet } from "../../src/types/gtid.ts";
import type { TableId } from "../../src/types/table-id.ts";
import { endpointOf } from "./capture-session.ts";

const SERVER_ID = 4100;

/** How many changes of a table the report's own reader of the binlog finds between two positions. */
export async function sourceChanges(
  url: string,
  { id, from, to }: { readonly id: TableId; readonly from: GtidSet; readonly to: GtidSet },
): Promise<Readonly<Record<"c" | "u" | "d", number>>> {
  const counted = await countSource({
    endpoint: endpointOf(url),
    serverId: SERVER_ID,
    identity: { source: "s", epoch: 1 },
    tables: [{ id, from, commits: [{ commit: "1", to }] }],
    until: to,
    signal: new AbortController().signal,
  });
  const changes = { c: 0, u: 0, d: 0 };
  for (const { class: kind, rows } of counted.flatMap(({ counts }) => counts)) {
    if (kind === "c" || kind === "u" || kind === "d") changes[kind] += rows;
  }
  return changes;
}
