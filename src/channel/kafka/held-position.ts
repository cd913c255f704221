import type { CapturePosition } from "../../types/ports.ts";
import type { SourcePosition } from "../../types/source-position.ts";

/** Two positions with nothing in between: what the first one covers counts with the second. */
export const joined = (held: CapturePosition, end: CapturePosition): CapturePosition => ({
  ...end,
  transactions: held.transactions + end.transactions,
  stops: [...held.stops, ...end.stops],
  counts: [...held.counts, ...end.counts],
});

/** A position once more: so that the chain does not fall out of the topic, and behind what belongs to no change. */
export const again = (position: SourcePosition): CapturePosition => ({
  kind: "position",
  position,
  commitUs: position.last?.commitUs ?? 0,
  transactions: 0,
  stops: [],
  counts: [],
});
