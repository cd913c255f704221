import { syncError } from "../types/errors.ts";
import { writeBytes, type ByteWriter } from "./byte-writer.ts";

/** Room that is left behind a member for the fixed values that follow it in the same row of JSON. */
export const ROOM_BEHIND = 1 << 13;

const QUOTE = 0x22;
const COMMA = 0x2c;

function unknownMember(what: string): Error {
  return syncError("TABLE_VALUE", what, {
    hint: "the binlog and its own metadata disagree: take the table's snapshot again",
  });
}

/** The members of an ENUM, ready to be copied; number 0 is the empty string that MySQL stores for an invalid value. */
export class MemberBytes {
  readonly #members: readonly Uint8Array[];

  constructor(members: readonly Uint8Array[]) {
    this.#members = members;
  }

  /** Leaves `roomBehind` bytes of room. */
  write(w: ByteWriter, at: number, index: number, roomBehind = 0): number {
    const member = this.#members[index];
    if (member === undefined) throw unknownMember(`an ENUM has no member number ${index}`);
    w.reserve(at, member.length + roomBehind);
    return writeBytes(w, at, member, 0, member.length);
  }
}

const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");

/** As JSON strings. */
export const memberBytes = (members: readonly string[]): MemberBytes =>
  new MemberBytes(["", ...members].map((member) => utf8(JSON.stringify(member))));

export const memberTexts = (members: readonly string[]): MemberBytes =>
  new MemberBytes(["", ...members].map(utf8));

export type SetWriter = (
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  bytes: number,
) => number;

/** Writes the members of a SET value with commas between them, as one JSON string. */
export function setWriter(members: readonly string[]): SetWriter {
  const write = joinedWriter(members.map((member) => utf8(JSON.stringify(member).slice(1, -1))));
  return (w, at, source, from, bytes) => {
    w.reserve(at, 1);
    w.bytes[at] = QUOTE;
    const p = write(w, at + 1, source, from, bytes);
    w.reserve(p, ROOM_BEHIND);
    w.bytes[p] = QUOTE;
    return p + 1;
  };
}

/** The same as text. */
export const setTextWriter = (members: readonly string[]): SetWriter => joinedWriter(members.map(utf8));

function joinedWriter(texts: readonly Uint8Array[]): SetWriter {
  return (w, at, source, from, bytes) => {
    let p = at;
    for (let i = 0; i < bytes * 8; i++) {
      if ((((source[from + (i >> 3)] as number) >> (i & 7)) & 1) === 0) continue;
      const text = texts[i];
      if (text === undefined) throw unknownMember(`a SET has no member number ${i + 1}`);
      w.reserve(p, 1);
      if (p > at) w.bytes[p++] = COMMA;
      p = writeBytes(w, p, text, 0, text.length);
    }
    return p;
  };
}
