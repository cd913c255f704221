import { inflateSync } from "node:zlib";

/** Reads a packed integer. */
type Packed = (body: DataView, at: number) => { readonly value: number; readonly next: number };

/**
 * What MariaDB's `log_bin_compress` has packed, as the counter reads it: the head of the event stays, and behind it
 * come a byte, whose lowest bits are the bytes of a size, that size, and zlib's stream.
 */
export function unpackMariadb(type: number, body: DataView, packed: Packed): DataView {
  let at: number;
  if (type === 165) at = 13 + body.getUint16(11, true) + body.getUint8(8) + 1;
  else {
    const count = packed(body, 8);
    at = count.next + ((count.value + 7) >> 3) * (type === 167 ? 2 : 1);
  }
  let size = 0;
  const stream = at + 1 + (body.getUint8(at) & 7);
  for (let i = at + 1; i < stream; i++) size = size * 256 + body.getUint8(i);
  const head = Buffer.from(body.buffer, body.byteOffset, at);
  const rest = inflated(Buffer.from(body.buffer, body.byteOffset + stream, body.byteLength - stream), size);
  const whole = new Uint8Array(Buffer.concat([head, rest]));
  return new DataView(whole.buffer);
}

/** @throws RangeError when the bytes are no stream of that size */
function inflated(bytes: Buffer, size: number): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw new RangeError("a packed event cannot be unpacked", { cause });
  }
}
