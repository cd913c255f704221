import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { EVENT, type EventHeader } from "../../../src/capture/binlog-event.ts";
import { parseMariadbGtid } from "../../../src/capture/mariadb/gtid-event.ts";
import { plainEvent } from "../../../src/capture/mariadb/mariadb-event.ts";
import { isSyncError } from "../../../src/types/errors.ts";
import { headedFramer } from "../../support/headed-framer.ts";

/** An event of server 7, at second 1000, without a checksum. */
function eventOf(
  type: number,
  body: Uint8Array,
): { readonly bytes: Uint8Array; readonly header: EventHeader } {
  const bytes = Buffer.alloc(19 + body.length);
  bytes.writeUInt32LE(1000, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt32LE(7, 5);
  bytes.writeUInt32LE(bytes.length, 9);
  bytes.set(body, 19);
  return { bytes, header: headedFramer().frame(bytes, 0, bytes.length) };
}

function gtid(hex: string) {
  const { bytes, header } = eventOf(EVENT.mariadbGtid, Buffer.from(hex, "hex"));
  return parseMariadbGtid(bytes, header);
}

test("a GTID event says whether a transaction begins, and whether its statement is decided", () => {
  const base = { origin: "3-7", number: 5n, commitUs: 1_000_000_000 };
  const at = "050000000000000003000000";
  // Alone; transactional; behind a commit id; prepared by XA, with the extra flags behind its xid.
  expect(gtid(`${at}29000000000000`)).toEqual({ ...base, isBegin: false, isUndecided: false });
  expect(gtid(`${at}0c000000000000`)).toEqual({ ...base, isBegin: true, isUndecided: false });
  expect(gtid(`${at}0e0a00000000000000`)).toEqual({ ...base, isBegin: true, isUndecided: false });
  expect(gtid(`${at}4c0100000001007801ff`)).toEqual({ ...base, isBegin: true, isUndecided: false });
  // ALTER TABLE as it begins, as it ends, and as it is taken back.
  expect(gtid(`${at}290200000000`).isUndecided).toBe(true);
  expect(gtid(`${at}29040900000000000000`).isUndecided).toBe(false);
  expect(gtid(`${at}29080900000000000000`).isUndecided).toBe(true);
  expect(() => gtid("00000000000000000300000029")).toThrow("a GTID event has the number 0");
});

/** The images of an insert into a table of two columns, packed. */
function packedRows(images: Uint8Array, how = 0x81, size = images.length): Uint8Array {
  const head = Buffer.from("1200000000000100" + "02" + "ff", "hex");
  return Buffer.concat([head, Buffer.of(how, size), deflateSync(images)]);
}

test("A31: a packed event becomes what it would have been", () => {
  const images = Buffer.from("fc0100000002000000", "hex");
  const { bytes, header } = eventOf(EVENT.writeRowsV1Packed, packedRows(images));
  const plain = plainEvent(bytes, header);
  expect(plain?.header).toMatchObject({ type: EVENT.writeRows, isV1: true, bodyStart: 0, bodyEnd: 19 });
  expect(Buffer.from(plain?.bytes ?? []).toString("hex")).toBe(
    `120000000000010002ff${images.toString("hex")}`,
  );
});

test("an event that needs no unpacking stays where it is", () => {
  const { bytes, header } = eventOf(EVENT.deleteRowsV1, Buffer.alloc(20));
  expect(plainEvent(bytes, header)).toEqual({
    bytes,
    header: { ...header, type: EVENT.deleteRows, isV1: true },
  });
  expect(plainEvent(bytes, { ...header, type: EVENT.writeRows })).toBeNull();
});

test("a packed event that is damaged is refused, whatever byte of it", () => {
  const body = packedRows(Buffer.from("fc0100000002000000".repeat(8), "hex"));
  let refused = 0;
  for (let at = 10; at < body.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Uint8Array.from(body);
      damaged[at] = (damaged[at] as number) ^ (1 << bit);
      const { bytes, header } = eventOf(EVENT.writeRowsV1Packed, damaged);
      try {
        plainEvent(bytes, header);
      } catch (error) {
        if (!isSyncError(error, "BINLOG_EVENT_CORRUPT")) throw error;
        refused++;
      }
    }
  }
  // Some bits of the head say nothing, and the lowest length of zlib's window can be another one.
  expect(refused).toBeGreaterThan((body.length - 10) * 8 - 20);
  for (let length = 0; length < body.length; length++) {
    const { bytes, header } = eventOf(EVENT.writeRowsV1Packed, body.subarray(0, length));
    expect(() => plainEvent(bytes, header), String(length)).toThrow("the binlog stream is damaged");
  }
});
