/* What the counter knows of GTID events; like all of it written apart from capture's own reader. */

export interface RawGtid {
  readonly gtid: string;
  /** Microseconds since 1970, on the server where it was first committed. */
  readonly commitUs: number;
  /** It begins a transaction by itself, without a BEGIN behind it. */
  readonly isBegin: boolean;
}

const TIME = (1n << 55n) - 1n;

export function readGtid(body: DataView): RawGtid {
  const first = body.getBigUint64(42, true);
  // The highest bit of seven bytes says that another time follows.
  const time = (first >> 55n) % 2n === 1n ? body.getBigUint64(49, true) : first;
  return {
    gtid: `${uuidAt(body, 1)}:${body.getBigUint64(17, true)}`,
    commitUs: Number(time & TIME),
    isBegin: false,
  };
}

/** A MariaDB's: number and domain, then flags; second and server stand in the header of the event, before the body. */
export function readMariadbGtid(body: DataView): RawGtid {
  const header = new DataView(body.buffer, body.byteOffset - 19, 19);
  const [second, server] = [header.getUint32(0, true), header.getUint32(5, true)];
  const gtid = `${body.getUint32(8, true)}-${server}-${body.getBigUint64(0, true)}`;
  return { gtid, commitUs: second * 1e6, isBegin: (body.getUint8(12) & 1) === 0 };
}

/** Numbered fields: 1 the server, 2 the number, 3 the tag, 6 and 7 the times; before them three integers. */
export function readTaggedGtid(body: DataView): RawGtid {
  const uuid = new DataView(new ArrayBuffer(16));
  const integers = new Map<number, bigint>();
  let tag = "";
  let at = 0;
  const next = (): bigint => {
    const { value, end } = integerAt(body, at);
    at = end;
    return value;
  };
  next();
  const size = Number(next());
  next();
  while (at < size) {
    const field = Number(next());
    if (field > 7) break;
    if (field === 1) for (let i = 0; i < 16; i++) uuid.setUint8(i, Number(next()));
    else if (field === 3) {
      const length = Number(next());
      tag = Buffer.from(body.buffer, body.byteOffset + at, length).toString("latin1");
      at += length;
    } else integers.set(field, next());
  }
  // The number is one with a sign, which takes the lowest bit.
  const number = (integers.get(2) ?? 0n) >> 1n;
  const time = integers.get(7) ?? integers.get(6) ?? 0n;
  return { gtid: `${uuidAt(uuid, 0)}:${tag}:${number}`, commitUs: Number(time), isBegin: false };
}

/** As many ones at the low end of the first byte, as many bytes follow it. */
function integerAt(body: DataView, at: number): { readonly value: bigint; readonly end: number } {
  const first = body.getUint8(at);
  const more = 31 - Math.clz32(~first & (first + 1));
  let value = 0n;
  for (let i = more; i > 0; i--) value = (value << 8n) + BigInt(body.getUint8(at + i));
  if (more < 7) value = (value << BigInt(7 - more)) + BigInt(first >> (more + 1));
  return { value, end: at + 1 + more };
}

function uuidAt(body: DataView, at: number): string {
  const hex = Buffer.from(body.buffer, body.byteOffset + at, 16).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
