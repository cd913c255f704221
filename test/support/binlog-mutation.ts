/** Numbers in [0, 1). */
export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

const SIZE_AT = 9;
const HEADER_BYTES = 19;
const EDGES = [0, 1, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

/** Changes a few bytes of an event, cuts it short, or makes it longer; what it gives is never what it was given. */
export function mutate(event: Uint8Array, random: Random): Buffer {
  for (;;) {
    let changed: Buffer = Buffer.from(event);
    for (let times = random() < 0.7 ? 1 : 2 + below(random, 3); times > 0; times--) {
      changed = changedOnce(changed, random);
    }
    if (changed.compare(event) !== 0) return changed;
  }
}

/** Says in its header how long it is. */
export function resized(event: Buffer): Buffer {
  if (event.length >= SIZE_AT + 4) event.writeUInt32LE(event.length, SIZE_AT);
  return event;
}

function changedOnce(event: Buffer, random: Random): Buffer {
  if (event.length === 0) return noise(random, HEADER_BYTES);
  // Most of them behind the header, where there is more to get wrong.
  const from = random() < 0.1 ? 0 : HEADER_BYTES;
  const at = Math.min(event.length - 1, from + below(random, Math.max(1, event.length - from)));
  switch (below(random, 9)) {
    case 0:
      event[at] = (event[at] as number) ^ (1 << below(random, 8));
      return event;
    case 1:
      event[at] = below(random, 256);
      return event;
    case 2:
      event[at] = EDGES[below(random, EDGES.length)] as number;
      return event;
    case 3:
      event.fill(random() < 0.5 ? 0xff : 0, at, Math.min(event.length, at + 1 + below(random, 8)));
      return event;
    case 4:
      return event.subarray(0, Math.max(1, at));
    case 5:
      return Buffer.concat([
        event.subarray(0, at),
        event.subarray(Math.min(event.length, at + 1 + below(random, 9))),
      ]);
    case 6:
      return Buffer.concat([event.subarray(0, at), noise(random, 1 + below(random, 9)), event.subarray(at)]);
    case 7:
      return Buffer.concat([event, noise(random, 1 + below(random, 9))]);
    default: {
      const other = HEADER_BYTES + below(random, Math.max(1, event.length - HEADER_BYTES));
      const length = 1 + below(random, 12);
      event.copyWithin(at, other, other + length);
      return event;
    }
  }
}

export const noise = (random: Random, length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, () => below(random, 256)));
