import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  EventCutter,
  parseTransactionPayload,
  unpackAtOnce,
  unpackInPieces,
  type TransactionPayload,
} from "../../../src/capture/transaction-payload.ts";
import { isSyncError } from "../../../src/types/errors.ts";

const HEADER_BYTES = 19;

/** An event of which only the size counts here, and its bytes. */
function event(body: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 9);
  return Buffer.concat([header, body]);
}

function packedLength(value: number): Buffer {
  if (value < 0xfb) return Buffer.of(value);
  const bytes = Buffer.alloc(9, 0xfe);
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
}

function field(type: number, value: number): Buffer {
  const bytes = packedLength(value);
  return Buffer.concat([Buffer.of(type), packedLength(bytes.length), bytes]);
}

interface Parts {
  readonly size?: number;
  readonly algorithm?: number;
  readonly tail?: Uint8Array;
}

/** The body of the event that holds these bytes, compressed unless `algorithm` says otherwise. */
function payloadOf(
  unpacked: Uint8Array,
  { size = unpacked.length, algorithm = 0, tail }: Parts = {},
): Buffer {
  const packed = algorithm === 0 ? zstdCompressSync(unpacked) : Buffer.from(unpacked);
  const whole = Buffer.concat([packed, tail ?? new Uint8Array()]);
  return Buffer.concat([field(2, algorithm), field(3, size), field(1, whole.length), Buffer.of(0), whole]);
}

const parse = (body: Uint8Array): TransactionPayload => parseTransactionPayload(body, 0, body.length);

function cut(pieces: Iterable<Uint8Array>): string[] {
  const found: string[] = [];
  const cutter = new EventCutter((bytes, from, to) =>
    found.push(Buffer.from(bytes.subarray(from, to)).toString("hex")),
  );
  for (const piece of pieces) cutter.push(piece);
  cutter.end();
  return found;
}

async function inPieces(payload: TransactionPayload): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(unpackInPieces(payload)));
}

const events = fc.array(fc.uint8Array({ maxLength: 60 }).map(event), { minLength: 1, maxLength: 12 });

test("A30: events come whole and in order, however the payload is packed and its pieces are cut", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom(0, 255), fc.array(fc.nat(900)), async (all, algorithm, cuts) => {
      const unpacked = Buffer.concat(all);
      const payload = parse(payloadOf(unpacked, { algorithm }));
      expect(Buffer.from(unpackAtOnce(payload)).equals(unpacked)).toBe(true);
      expect(Buffer.from(await inPieces(payload)).equals(unpacked)).toBe(true);
      const at = [
        0,
        ...cuts.filter((place) => place < unpacked.length).sort((a, b) => a - b),
        unpacked.length,
      ];
      const pieces = at.slice(1).map((end, i) => unpacked.subarray(at[i], end));
      expect(cut(pieces)).toEqual(all.map((one) => one.toString("hex")));
    }),
  );
});

test("A30: several megabytes come in several pieces, and an event over many of them is put together", async () => {
  const all = [event(Buffer.alloc(5 << 20, 7)), event(Buffer.of(1)), event(Buffer.alloc(3 << 20, 9))];
  const payload = parse(payloadOf(Buffer.concat(all)));
  const pieces = await Array.fromAsync(unpackInPieces(payload));
  expect(pieces.length).toBeGreaterThanOrEqual(8);
  expect(cut(pieces)).toEqual(all.map((one) => one.toString("hex")));
});

const GOOD = event(Buffer.from("a row"));
const message = "the binlog stream is damaged: ";

test.for<[string, Buffer, string]>([
  [
    "an event that ends too early",
    payloadOf(GOOD.subarray(0, -1)),
    "a compressed transaction ends 23 bytes behind",
  ],
  [
    "an event shorter than its header",
    payloadOf(Buffer.alloc(30)),
    "an event of a compressed transaction says that it has 0",
  ],
  [
    "fewer bytes than it says",
    payloadOf(GOOD, { size: 25 }),
    "a compressed transaction has 24 bytes or more, and says 25",
  ],
  ["more bytes than it says", payloadOf(GOOD, { size: 5 }), "a compressed transaction "],
  [
    "a gap behind it",
    payloadOf(GOOD, { tail: Buffer.of(0, 0) }),
    "2 bytes lie behind a compressed transaction",
  ],
  ["a field that reaches beyond the end", Buffer.of(2, 9, 0), "a field of 9 bytes begins"],
  ["no end of its fields", field(2, 0), "a field of 1 bytes begins 0 bytes before"],
  [
    "a field with more than a value",
    Buffer.of(2, 2, 0, 0, 0),
    "a field of a compressed transaction is longer",
  ],
  [
    "no size",
    Buffer.concat([field(2, 0), field(1, 0), Buffer.of(0)]),
    "a compressed transaction does not say how large",
  ],
  [
    "another length than it says",
    Buffer.concat([field(1, 3), Buffer.of(0, 1)]),
    "a compressed transaction has 1 bytes and says 3",
  ],
  [
    "no zstd",
    Buffer.concat([field(2, 0), field(3, 4), field(1, 4), Buffer.of(0, 1, 2, 3, 4)]),
    "a compressed transaction cannot be unpacked",
  ],
])("A30: %s is damage", async ([, body, said]) => {
  const one = (): unknown => cut([unpackAtOnce(parse(body))]);
  expect(one).toThrow(message + said);
  await expect((async () => cut([await inPieces(parse(body))]))()).rejects.toThrow(message);
});

test("A30: another algorithm is named", () => {
  expect(() => parse(payloadOf(GOOD, { algorithm: 1 }))).toThrow(
    "a transaction is compressed by algorithm 1",
  );
});

test("A30: whatever is changed in a payload, it ends with an operating error or its events", async () => {
  const body = payloadOf(Buffer.concat([GOOD, event(Buffer.alloc(300, 5)), GOOD]));
  const place = fc.nat(body.length - 1);
  await fc.assert(
    fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, flip, isCut) => {
      const changed = Buffer.from(isCut ? body.subarray(0, at) : body);
      if (!isCut) changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
      for (const unpack of [unpackAtOnce, inPieces]) {
        try {
          cut([await unpack(parse(changed))]);
        } catch (error) {
          expect(isSyncError(error), String(error)).toBe(true);
        }
      }
    }),
    { numRuns: 1000 },
  );
});
