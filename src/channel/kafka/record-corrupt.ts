import { syncError } from "../../types/errors.ts";
import type { TopicPartition } from "./record-block.ts";

/** Where bytes come from that a broker has sent. */
export interface BatchPlace extends TopicPartition {
  /** First offset of the batch; null before it was read. */
  readonly offset: number | null;
}

export function placeText({ topic, partition, offset }: BatchPlace): string {
  return `topic "${topic}", partition ${partition}${offset === null ? "" : `, offset ${offset}`}`;
}

/** What a broker cannot have meant: a disk or the wire has changed it, or it comes from somebody who means harm. */
export function recordCorrupt(place: BatchPlace, what: string, cause?: unknown): Error {
  return syncError("KAFKA_RECORD_CORRUPT", `the record batch of ${placeText(place)} is damaged: ${what}`, {
    hint: "read it on the broker with `kafka-dump-log.sh --deep-iteration --files <segment>`; if it is damaged there too, restore the partition from a replica, and if not, look at the network between here and the broker",
    ...(cause === undefined ? {} : { cause }),
  });
}
