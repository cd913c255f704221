import type { TopicRecord } from "./topic-records.ts";

/** What a consumer of committed records has of a table once it has read its topic from the beginning. */
export interface FoldedTopic {
  /** The last row of each key that was not deleted, as it stands in the record: sorted texts. */
  readonly rows: readonly string[];
  /** Event ids of the rows of snapshots, sorted. */
  readonly snapshot: readonly string[];
  /** Events that are there more than once. */
  readonly repeated: readonly string[];
  /** No row of a snapshot stands behind a change of its partition. */
  readonly isSnapshotFirst: boolean;
}

/** By the words of the README; the records of each partition in their order. */
export function foldTopic(records: readonly TopicRecord[]): FoldedTopic {
  const rows = new Map<string, string>();
  const snapshot: string[] = [];
  const seen = new Set<string>();
  const repeated: string[] = [];
  const changed = new Set<number>();
  let isSnapshotFirst = true;
  for (const { partition, header, key, value } of records) {
    const [op = "", , row, , , ...id] = header.split(" ");
    const eventId = id.join(" ");
    if (seen.has(eventId)) repeated.push(eventId);
    seen.add(eventId);
    if (op === "r") {
      snapshot.push(eventId);
      if (changed.has(partition)) isSnapshotFirst = false;
    } else changed.add(partition);
    if (op === "d") rows.delete(key);
    else rows.set(key, Buffer.from(value).subarray(Number(row), -1).toString());
  }
  return { rows: [...rows.values()].sort(), snapshot: snapshot.sort(), repeated, isSnapshotFirst };
}
