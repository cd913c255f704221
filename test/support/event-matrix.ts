import { EVENT } from "../../src/capture/binlog-event.ts";
import { EventIntake } from "../../src/capture/event-intake.ts";
import { TrackedTables } from "../../src/capture/tracked-tables.ts";
import { TransactionAssembler } from "../../src/capture/transaction.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { readCorpus, typeOf } from "./binlog-corpus.ts";

const HEADER_BYTES = 19;

/** Numbers that both kinds of server give to the same event; the others are MySQL's below 160 and MariaDB's above. */
const OF_BOTH: ReadonlySet<number> = new Set([
  ...[
    EVENT.query,
    EVENT.stop,
    EVENT.rotate,
    EVENT.intvar,
    EVENT.rand,
    EVENT.userVar,
    EVENT.formatDescription,
  ],
  ...[
    EVENT.xid,
    EVENT.beginLoadQuery,
    EVENT.executeLoadQuery,
    EVENT.tableMap,
    EVENT.incident,
    EVENT.heartbeat,
  ],
  ...[EVENT.xaPrepare, EVENT.ignorable, EVENT.writeRowsV1, EVENT.updateRowsV1, EVENT.deleteRowsV1],
]);

const nameOf = (key: string): string => key.replaceAll(/([A-Z])/g, "_$1").toUpperCase();

/** `read`, or the code that refuses it: of a recorded event, else of one without a body, which most say is damaged. */
function outcomeOf(type: number): string {
  const numbering = { seq: 0, ordinal: 0 };
  const assembler = new TransactionAssembler({
    tables: TrackedTables.none(numbering),
    identity: { source: "", epoch: 1 },
    from: { gtids: GtidSet.empty, file: "binlog.000007", offset: 4, seq: 0, last: null },
    numbering,
    expected: null,
  });
  const intake = new EventIntake({
    take: (bytes, header) => {
      assembler.event(bytes, header);
    },
    onError: () => undefined,
  });
  const { head, pieces } = readCorpus("mysql-9.7");
  const { bare } = head;
  const event = pieces.flatMap((piece) => piece.bare).find((one) => typeOf(one) === type) ?? bodiless(type);
  try {
    intake.event(bare, 0, bare.length);
    intake.event(event, 0, event.length);
    return "read";
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.code === "BINLOG_EVENT_CORRUPT" ? "read" : error.code;
  }
}

function bodiless(type: number): Buffer {
  const event = Buffer.alloc(HEADER_BYTES + 5);
  event.writeUInt8(type, 4);
  event.writeUInt32LE(event.length, 9);
  event.writeUInt32LE(1234, 13);
  return event;
}

/** By event: what becomes of it, from MySQL and from MariaDB; a dash where a server does not write it. */
export function eventCells(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(EVENT).map(([key, type]) => {
      const outcome = outcomeOf(type);
      const isShared = OF_BOTH.has(type);
      return [nameOf(key), [isShared || type < 160 ? outcome : "–", isShared || type >= 160 ? outcome : "–"]];
    }),
  );
}
