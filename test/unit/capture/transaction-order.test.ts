import { expect, test } from "vitest";
import { EVENT, EventFramer, HEADER_BYTES } from "../../../src/capture/binlog-event.ts";
import { TrackedTables } from "../../../src/capture/tracked-tables.ts";
import { TransactionAssembler } from "../../../src/capture/transaction.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { sharedSpareMemory } from "../../../src/util/spare-memory.ts";
import { readCorpus, typeOf } from "../../support/binlog-corpus.ts";

const COMMIT_US_AT = HEADER_BYTES + 1 + 16 + 8 + 1 + 8 + 8;
const HOUR_US = 3_600_000_000;

test("A61: a clock of the source that is set back orders nothing", () => {
  const corpus = readCorpus("mysql-9.7");
  const numbering = { seq: 0, ordinal: 0 };
  const tables = new TrackedTables({
    ...{ schemas: corpus.schemas, collations: corpus.collations, charsets: corpus.charsets, numbering },
    ...{ foldsCase: false, countsSpatial: false, form: "columns", held: new Map() },
    recordSource: { source: "s", epoch: 1, version: "" },
    spare: sharedSpareMemory(),
  });
  const assembler = new TransactionAssembler({
    ...{ tables, numbering, expected: null, identity: { source: "s", epoch: 1 } },
    from: { gtids: GtidSet.empty, file: "binlog.000001", offset: 4, seq: 0, last: null },
  });
  const framer = new EventFramer();
  const { bare } = corpus.head;
  framer.frame(bare, 0, bare.length);
  const isOfRows = (events: readonly Buffer[]): boolean =>
    events[0] !== undefined &&
    typeOf(events[0]) === EVENT.gtid &&
    events.some((event) => typeOf(event) === EVENT.writeRows);
  // Each transaction is committed an hour before the one in front of it.
  const pieces = corpus.pieces
    .map((piece) => piece.bare)
    .filter(isOfRows)
    .slice(0, 5);
  const times = pieces.map((_, i) => 1_800_000_000_000_000 - i * HOUR_US);
  for (const [i, events] of pieces.entries()) {
    for (const event of events) {
      const bytes = Buffer.from(event);
      if (typeOf(bytes) === EVENT.gtid) {
        const time = times[i] ?? 0;
        bytes.writeUIntLE(time % 2 ** 48, COMMIT_US_AT, 6);
        bytes[COMMIT_US_AT + 6] = Math.floor(time / 2 ** 48);
      }
      assembler.event(bytes, framer.frame(bytes, 0, bytes.length));
    }
  }
  const batches = assembler.takeBatches();
  const transactions = batches.flatMap((batch) => batch.transactions);
  expect(transactions.map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 4, 5]);
  expect(transactions.map(({ commitUs }) => commitUs)).toEqual(times);
  const seq = batches.flatMap((batch) => Array.from(batch.seq));
  expect(seq).toEqual(Array.from(seq, (_, i) => i + 1));
});
