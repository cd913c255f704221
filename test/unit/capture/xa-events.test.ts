import { expect, test } from "vitest";
import { EVENT } from "../../../src/capture/binlog-event.ts";
import { TrackedTables } from "../../../src/capture/tracked-tables.ts";
import { TransactionAssembler } from "../../../src/capture/transaction.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { headedFramer } from "../../support/headed-framer.ts";

/* Sequences of events that no server sends, and those that it does, made by hand. */

const A = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const XID = "X'61',X'',1";

function assembler(): TransactionAssembler {
  const numbering = { seq: 0, ordinal: 0 };
  const from = { gtids: GtidSet.empty, file: "binlog.000007", offset: 4, seq: 0, last: null };
  const tables = TrackedTables.none(numbering);
  return new TransactionAssembler({
    tables,
    identity: { source: "", epoch: 1 },
    from,
    numbering,
    expected: null,
  });
}

class Events {
  readonly assembler = assembler();
  #end = 4;

  #take(type: number, body: Uint8Array): this {
    const bytes = Buffer.concat([Buffer.alloc(19), body]);
    this.#end += bytes.length;
    bytes.writeUInt8(type, 4);
    bytes.writeUInt32LE(bytes.length, 9);
    bytes.writeUInt32LE(this.#end, 13);
    this.assembler.event(bytes, headedFramer().frame(bytes, 0, bytes.length));
    return this;
  }

  gtid(number: number): this {
    const body = Buffer.alloc(54);
    body.write(A.replaceAll("-", ""), 1, "hex");
    body.writeBigInt64LE(BigInt(number), 17);
    body.writeUInt8(2, 25);
    body.writeUIntLE(number * 1000, 42, 6);
    return this.#take(EVENT.gtid, body);
  }

  query(statement: string): this {
    const head = Buffer.alloc(14);
    return this.#take(EVENT.query, Buffer.concat([head, Buffer.from(statement)]));
  }

  prepare(isOnePhase: boolean): this {
    return this.#take(EVENT.xaPrepare, Buffer.concat([Buffer.of(isOnePhase ? 1 : 0), Buffer.alloc(12)]));
  }

  xid(): this {
    return this.#take(EVENT.xid, Buffer.alloc(8));
  }

  get position(): readonly (string | undefined)[] {
    const { gtids, prepared, last } = this.assembler.position();
    return [gtids.toString(), prepared?.toString(), last?.gtid];
  }
}

test("A4 A5 A6: what is prepared is in the position from its end on", () => {
  const events = new Events().gtid(1).query(`XA START ${XID}`).query(`XA END ${XID}`).prepare(false);
  expect(events.position).toEqual(["", `${A}:1`, `${A}:1`]);
  events.gtid(2).query("BEGIN").xid();
  expect(events.position).toEqual([`${A}:2`, `${A}:1`, `${A}:2`]);
  events.gtid(3).query(`XA ROLLBACK ${XID}`);
  expect(events.position).toEqual([`${A}:1-3`, undefined, `${A}:3`]);
  events.gtid(4).query(`XA START ${XID}`).query(`XA END ${XID}`).prepare(true);
  expect(events.position).toEqual([`${A}:1-4`, undefined, `${A}:4`]);
  events.gtid(5).query(`XA COMMIT ${XID}`);
  expect(events.position).toEqual([`${A}:1-5`, undefined, `${A}:5`]);
});

test.each([
  ["XID", (events: Events) => events.xid()],
  ["COMMIT", (events: Events) => events.query("COMMIT")],
  ["ROLLBACK", (events: Events) => events.query("ROLLBACK")],
] as const)("A4: an XA transaction that ends with %s is refused", (_, end) => {
  const events = new Events().gtid(1).query(`XA START ${XID}`);
  expect(() => end(events)).toThrow("an XA transaction ends without its XA_PREPARE");
});

test("A4: a transaction that is prepared and did not begin by XA is refused", () => {
  const events = new Events().gtid(1).query("BEGIN");
  expect(() => events.prepare(false)).toThrow("an XA transaction is prepared and has not begun");
});
