import { expect, test } from "vitest";
import { EVENT } from "../../../src/capture/binlog-event.ts";
import { TrackedTables } from "../../../src/capture/tracked-tables.ts";
import { TransactionAssembler } from "../../../src/capture/transaction.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { headedFramer } from "../../support/headed-framer.ts";

const HEADER_BYTES = 19;
const IGNORABLE = 0x80;

function assembler(): TransactionAssembler {
  const numbering = { seq: 0, ordinal: 0 };
  const tables = TrackedTables.none(numbering);
  const from = { gtids: GtidSet.empty, file: "binlog.000007", offset: 4, seq: 0, last: null };
  return new TransactionAssembler({
    tables,
    identity: { source: "", epoch: 1 },
    from,
    numbering,
    expected: null,
  });
}

/** An event of this type as it comes from a server, without a checksum. */
function take(type: number, flags = 0): void {
  const bytes = Buffer.alloc(HEADER_BYTES + 5);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt32LE(bytes.length, 9);
  bytes.writeUInt32LE(1234, 13);
  bytes.writeUInt16LE(flags, 17);
  assembler().event(bytes, headedFramer().frame(bytes, 0, bytes.length));
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(EVENT));

test("A32 A34: an event that nobody knows ends the stream, unless the server says that it may be left out", () => {
  for (let type = 0; type < 256; type++) {
    if (KNOWN.has(type)) continue;
    expect(() => {
      take(type);
    }, String(type)).toThrow(`the binlog holds an event of type ${type} before binlog.000007:1234`);
    take(type, IGNORABLE);
  }
});

test.for([
  ["incident", "BINLOG_INCIDENT"],
  ["intvar", "BINLOG_STATEMENT"],
  ["rand", "BINLOG_STATEMENT"],
  ["userVar", "BINLOG_STATEMENT"],
  ["beginLoadQuery", "BINLOG_STATEMENT"],
  ["executeLoadQuery", "BINLOG_STATEMENT"],
  ["anonymousGtid", "BINLOG_GTID"],
  ["writeRowsV1", "BINLOG_EVENT_UNKNOWN"],
  ["updateRowsV1", "BINLOG_EVENT_UNKNOWN"],
  ["deleteRowsV1", "BINLOG_EVENT_UNKNOWN"],
] as const)("A25 A33 A34: %s is refused as %s", ([name, code]) => {
  expect(() => {
    take(EVENT[name]);
  }).toThrow(
    expect.objectContaining({ code, exitCode: 69, hint: expect.stringMatching(/\S/) as string }) as Error,
  );
});

test.for(["viewChange", "transactionContext"] as const)("A68: %s of a group is passed over", (name) => {
  take(EVENT[name]);
});
