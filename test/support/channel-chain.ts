import type { ChannelTable } from "../../src/channel/kafka/resume.ts";
import type { PlacedUnit } from "../../src/channel/kafka/position-log.ts";
import type { PlanRecord, UnitRecord } from "../../src/channel/kafka/position-record.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { CapturePosition, TableStop } from "../../src/types/ports.ts";
import type { SourcePosition } from "../../src/types/source-position.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { gtid, SIMPLE_SCHEMA } from "./batch.ts";

/** Pieces of a chain of positions, for tests of what is decided by them. Transactions are numbered from 1. */
export const gtidsTo = (number: number): GtidSet =>
  number === 0 ? GtidSet.empty : GtidSet.parse(`${gtid(1)}-${number}`);

export const positionAt = (number: number): SourcePosition => ({
  gtids: gtidsTo(number),
  file: "binlog.000001",
  offset: number * 100,
  seq: number * 10,
  last: null,
});

export const tableNamed = (table: string, version = SIMPLE_SCHEMA.version): TableSchema => ({
  ...SIMPLE_SCHEMA,
  id: { database: "shop", table },
  version,
});

export const channelTable = (table: string, number: number, version?: string): ChannelTable => ({
  schema: tableNamed(table, version),
  checkpoint: { source: "shop", epoch: 1, serverUuid: "u", position: positionAt(number) },
});

export const endAt = (number: number, stops: readonly TableStop[] = []): CapturePosition => ({
  kind: "position",
  position: positionAt(number),
  commitUs: number * 1000,
  transactions: 1,
  stops,
  counts: [],
});

export const stopAt = (table: string, number: number): TableStop => ({
  table: { database: "shop", table },
  code: "TABLE_DDL",
  message: "altered",
  hint: "init",
  at: positionAt(number),
});

export const planOf = (tables: readonly string[], more: Partial<PlanRecord> = {}): PlanRecord => ({
  kind: "plan",
  id: `plan ${tables.join(" ")}`,
  source: "shop",
  epoch: 1,
  serverUuid: "u",
  tables: tables.map((table) => ({ table: { database: "shop", table }, version: SIMPLE_SCHEMA.version })),
  stopped: [],
  routing: [],
  snapshots: [],
  ...more,
});

/** A unit between two transactions, at an offset that is its end. */
export function unitBetween(
  after: number,
  end: number,
  plan: PlanRecord,
  more: Partial<UnitRecord> = {},
): PlacedUnit {
  const place = { id: `${after}-${end}`, offset: end };
  const unit: UnitRecord = {
    kind: "unit",
    id: place.id,
    parent: null,
    plan: { id: plan.id, offset: 0 },
    after: positionAt(after),
    end: endAt(end),
    produced: [],
    ranges: [],
    ...more,
  };
  return { unit, plan, place };
}
