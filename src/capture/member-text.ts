import { syncError } from "../types/errors.ts";
import { writeBytes, type ByteWriter } from "./byte-writer.ts";

/** Room that is left behind a member for the fixed values that follow it in the same row. */
const ROOM_BEHIND = 1 << 13;

function unknownMember(what: string): Error {
  return syncError("TABLE_VALUE", what, {
    hint: "the binlog and its own metadata disagree: take the table's snapshot again",
  });
}

/** The members of an ENUM as JSON strings, ready to be copied. */
export class MemberBytes {
  readonly #members: readonly Uint8Array[];

  constructor(members: readonly string[]) {
    // Index 0 is the empty string that MySQL stores for an invalid value.
    this.#members = ["", ...members].map((member) => Buffer.from(JSON.stringify(member), "utf8"));
  }

  write(w: ByteWriter, at: number, index: number): number {
    const member = this.#members[index];
    if (member === undefined) throw unknownMember(`an ENUM has no member number ${index}`);
    w.reserve(at, member.length + ROOM_BEHIND);
    w.bytes.set(member, at);
    return at + member.length;
  }
}

export const memberBytes = (members: readonly string[]): MemberBytes => new MemberBytes(members);

/** The members of an ENUM as UTF-8, in the order of their numbers; number 0 is the empty string. */
export class MemberTexts {
  readonly #members: readonly Uint8Array[];

  constructor(members: readonly string[]) {
    this.#members = ["", ...members].map((member) => Buffer.from(member, "utf8"));
  }

  write(w: ByteWriter, at: number, index: number): number {
    const member = this.#members[index];
    if (member === undefined) throw unknownMember(`an ENUM has no member number ${index}`);
    return writeBytes(w, at, member, 0, member.length);
  }
}

export const memberTexts = (members: readonly string[]): MemberTexts => new MemberTexts(members);

export type SetWriter = (
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  bytes: number,
) => number;

/** Writes the members of a SET value with commas between them, as one JSON string. */
export function setWriter(members: readonly string[]): SetWriter {
  const texts = members.map((member) => Buffer.from(JSON.stringify(member).slice(1, -1), "utf8"));
  return (w, at, source, from, bytes) => {
    let p = at;
    w.reserve(p, ROOM_BEHIND);
    w.bytes[p++] = 0x22;
    let first = true;
    for (let i = 0; i < bytes * 8; i++) {
      if ((((source[from + (i >> 3)] as number) >> (i & 7)) & 1) === 0) continue;
      const text = texts[i];
      if (text === undefined) throw unknownMember(`a SET has no member number ${i + 1}`);
      w.reserve(p, text.length + ROOM_BEHIND);
      if (!first) w.bytes[p++] = 0x2c;
      w.bytes.set(text, p);
      p += text.length;
      first = false;
    }
    w.bytes[p++] = 0x22;
    return p;
  };
}

/** Writes the members of a SET value with commas between them. */
export function setTextWriter(members: readonly string[]): SetWriter {
  const texts = members.map((member) => Buffer.from(member, "utf8"));
  return (w, at, source, from, bytes) => {
    let p = at;
    for (let i = 0; i < bytes * 8; i++) {
      if ((((source[from + (i >> 3)] as number) >> (i & 7)) & 1) === 0) continue;
      const text = texts[i];
      if (text === undefined) throw unknownMember(`a SET has no member number ${i + 1}`);
      w.reserve(p, text.length + 1);
      if (p > at) w.bytes[p++] = 0x2c;
      p = writeBytes(w, p, text, 0, text.length);
    }
    return p;
  };
}
