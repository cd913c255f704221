/**
 * MariaDB's GTID event (162), which begins each group of events. Layout: `Gtid_log_event` in its `sql/log_event.h`;
 * the server's number stands in the header of the event. A group is a transaction without BEGIN, which ends with XID
 * or with a QUERY of COMMIT or ROLLBACK, or a statement that stands alone.
 *
 * With `binlog_alter_two_phase` an ALTER TABLE is written twice, as it begins and as it ends: what it changes is
 * changed by the second group, and by none when that one takes it back.
 */
import { syncError } from "../../types/errors.ts";
import type { GtidSet } from "../../types/gtid.ts";
import { ByteReader } from "../byte-reader.ts";
import { HEADER_BYTES, type EventHeader, type GtidEvent } from "../binlog-event.ts";
import { corrupt } from "../corrupt.ts";

const FLAG = { standalone: 1, groupCommitId: 2, preparedXa: 64, completedXa: 128 } as const;
const EXTRA = { startAlter: 2, rollbackAlter: 8 } as const;
const SECOND_US = 1_000_000;

export function parseMariadbGtid(bytes: Uint8Array, { bodyStart, bodyEnd }: EventHeader): GtidEvent {
  const head = new ByteReader(bytes, bodyStart - HEADER_BYTES, bodyStart);
  const seconds = head.uint(4);
  head.skip(1);
  const server = head.uint(4);
  const r = new ByteReader(bytes, bodyStart, bodyEnd);
  const number = r.u64();
  const domain = r.uint(4);
  const flags = r.u8();
  if (number < 1n) throw corrupt(`a GTID event has the number ${number}`);
  return {
    origin: `${domain}-${server}`,
    number,
    // Whole seconds are all there is.
    commitUs: seconds * SECOND_US,
    isBegin: (flags & FLAG.standalone) === 0,
    isUndecided: (extraFlags(r, flags) & (EXTRA.startAlter | EXTRA.rollbackAlter)) !== 0,
  };
}

/** They stand behind what the flags announce; an event without them is filled up with zeros. */
function extraFlags(r: ByteReader, flags: number): number {
  if ((flags & FLAG.groupCommitId) !== 0) r.skip(8);
  if ((flags & (FLAG.preparedXa | FLAG.completedXa)) !== 0) {
    r.skip(4);
    const xidBytes = r.u8() + r.u8();
    r.skip(xidBytes);
  }
  return r.left > 0 ? r.u8() : 0;
}

/** The error of a transaction whose number is not above those that came before it in its domain. */
export const outOfOrder = (gtid: string, position: GtidSet): Error =>
  syncError("BINLOG_GTID", `${gtid} came behind ${position.toString()}: its domain is not in order`, {
    hint: "SET GLOBAL gtid_strict_mode = ON on every server, and give each that is written to a gtid_domain_id of its own; then take the snapshot again: remove the tables' folders from the lake and run `tallylake init`",
  });
