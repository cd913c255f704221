/**
 * What the one-partition position topic holds: JSON texts, which anybody can read. Each Kafka transaction of capture
 * ends with a unit record, which says what the transaction holds and where the source stands behind it; a plan record
 * in front of it says what holds for the units that name it.
 *
 * Units form a chain: each names its predecessor by a random id and by its offset. They are cut where source
 * transactions end. A unit that is too large for one Kafka transaction has parts, which reach no position; the rows
 * that they hold count with the unit that ends them.
 */
import { z } from "zod";
import { syncError } from "../../types/errors.ts";
import type { Digest } from "../../types/digest.ts";
import { GtidSet } from "../../types/gtid.ts";
import { decodeHopCounts, encodeHopCounts } from "../../types/hop-count.ts";
import type { CapturePosition, SnapshotProgress, TableCounts, TableStop } from "../../types/ports.ts";
import {
  decodeSourcePosition,
  encodeSourcePosition,
  sourcePositionJson,
  type SourcePosition,
} from "../../types/source-position.ts";
import type { TableId } from "../../types/table-id.ts";
import type { ProducerIdentity } from "./record-block.ts";
import { decodeRule, encodeRule, ruleJson } from "./routing/rule.ts";
import type { RoutingStage } from "./routing/stages.ts";

/** A record of the position topic. */
export interface Place {
  readonly id: string;
  readonly offset: number;
}

/** What one Kafka transaction wrote to one partition. */
export interface Range {
  readonly topic: string;
  /** A topic of the same name that was made anew has another one. */
  readonly topicId: string;
  readonly partition: number;
  /** Null where the client did not tell. */
  readonly producer: ProducerIdentity | null;
  /** Offset of the first record, and the one behind the last; of an aborted transaction nothing lies in between. */
  readonly from: number;
  readonly to: number;
  /** Changes; tombstones are not among them. */
  readonly changes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Over the `seq` and the row of each change (`range-digest.ts`). */
  readonly digest: Digest;
}

export interface PlannedTable {
  readonly table: TableId;
  /** Of its schema. */
  readonly version: string;
}

export interface PlanRecord {
  readonly kind: "plan";
  readonly id: string;
  readonly source: string;
  readonly epoch: number;
  readonly serverUuid: string;
  /** The tables whose changes the units hold; of any other table they say nothing. */
  readonly tables: readonly PlannedTable[];
  /** Tables that stopped in this chain, and where. */
  readonly stopped: readonly TableStop[];
  /** By which rules changes are routed, and were; empty when there never was a rule. */
  readonly routing: readonly RoutingStage[];
  /** How far the rows that were there before are published; empty where that is not asked for. */
  readonly snapshots: readonly PublishedSnapshot[];
}

/** Of one table, what is in the topics of the rows that it held before its changes there begin. */
export interface PublishedSnapshot extends SnapshotProgress {
  readonly table: TableId;
  /** Whether these are all of its rows. */
  readonly isDone: boolean;
}

export interface UnitRecord {
  readonly kind: "unit";
  readonly id: string;
  /** Null for the first of a generation: the chain before it is missing or broken, or lacks a table. */
  readonly parent: Place | null;
  readonly plan: Place;
  /** The unit begins behind this position. */
  readonly after: SourcePosition;
  /** Where it ends; null for a part. */
  readonly end: CapturePosition | null;
  /** Of what this Kafka transaction wrote. */
  readonly produced: readonly TableCounts[];
  readonly ranges: readonly Range[];
}

export type PositionRecord = PlanRecord | UnitRecord;

const VERSION = 1;
const safe = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const tableJson = z.tuple([z.string(), z.string()]);
const placeJson = z.strictObject({ id: z.string().min(1), offset: safe });
const hex = z.string().regex(/^[0-9a-f]{1,16}$/);
const countsJson = z.array(z.strictObject({ table: tableJson, counts: z.string() }));
const stopsJson = z.array(
  z.strictObject({
    table: tableJson,
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    at: sourcePositionJson,
  }),
);

const planJson = z.strictObject({
  version: z.literal(VERSION),
  kind: z.literal("plan"),
  id: z.string().min(1),
  source: z.string().min(1),
  epoch: z.number().int().positive(),
  serverUuid: z.string(),
  tables: z.array(z.tuple([z.string(), z.string(), z.string()])),
  stopped: stopsJson,
  // Left out where there are no rules, as older versions do, which refuse what they do not know.
  routing: z.array(z.strictObject({ until: z.string().nullable(), rules: z.array(ruleJson) })).optional(),
  // The same where no snapshots are published.
  snapshots: z
    .array(z.strictObject({ table: tableJson, instant: z.string().min(1), rows: safe, isDone: z.boolean() }))
    .optional(),
});

const unitJson = z.strictObject({
  version: z.literal(VERSION),
  kind: z.literal("unit"),
  id: z.string().min(1),
  parent: placeJson.nullable(),
  plan: placeJson,
  after: sourcePositionJson,
  end: z
    .strictObject({
      position: sourcePositionJson,
      commitUs: safe,
      transactions: safe,
      stops: stopsJson,
      counts: countsJson,
    })
    .nullable(),
  produced: countsJson,
  ranges: z.array(
    z.strictObject({
      topic: z.string().min(1),
      topicId: z.string().min(1),
      partition: safe,
      producer: z.strictObject({ id: z.string(), epoch: safe }).nullable(),
      from: safe,
      to: safe,
      changes: safe,
      firstSeq: safe,
      lastSeq: safe,
      digest: z.tuple([hex, hex]),
    }),
  ),
});

type SnapshotJson = NonNullable<z.infer<typeof planJson>["snapshots"]>[number];
type StageJson = NonNullable<z.infer<typeof planJson>["routing"]>[number];

const recordJson = z.discriminatedUnion("kind", [planJson, unitJson]);

export function encodePositionRecord(record: PositionRecord): string {
  return JSON.stringify(record.kind === "plan" ? planToJson(record) : unitToJson(record));
}

const planToJson = ({ routing, snapshots, ...plan }: PlanRecord): z.infer<typeof planJson> => ({
  ...plan,
  version: VERSION,
  tables: plan.tables.map(({ table, version }) => [table.database, table.table, version]),
  stopped: plan.stopped.map(stopToJson),
  ...(routing.length === 0 ? {} : { routing: routing.map(stageToJson) }),
  ...(snapshots.length === 0 ? {} : { snapshots: snapshots.map(snapshotToJson) }),
});

const snapshotToJson = ({ table, ...rest }: PublishedSnapshot): SnapshotJson => ({
  ...rest,
  table: [table.database, table.table],
});

const stageToJson = ({ until, rules }: RoutingStage): StageJson => ({
  until: until?.toString() ?? null,
  rules: rules.map(encodeRule),
});

function unitToJson(unit: UnitRecord): z.infer<typeof unitJson> {
  const { end } = unit;
  return {
    ...unit,
    version: VERSION,
    after: encodeSourcePosition(unit.after),
    end:
      end === null
        ? null
        : {
            position: encodeSourcePosition(end.position),
            commitUs: end.commitUs,
            transactions: end.transactions,
            stops: end.stops.map(stopToJson),
            counts: end.counts.map(countsToJson),
          },
    produced: unit.produced.map(countsToJson),
    ranges: unit.ranges.map((range) => ({
      ...range,
      digest: [range.digest.sum.toString(16), range.digest.xor.toString(16)],
    })),
  };
}

const stopToJson = (stop: TableStop): z.infer<typeof stopsJson>[number] => ({
  ...stop,
  table: [stop.table.database, stop.table.table],
  at: encodeSourcePosition(stop.at),
});

const countsToJson = ({ table, counts }: TableCounts): z.infer<typeof countsJson>[number] => ({
  table: [table.database, table.table],
  counts: encodeHopCounts(counts),
});

/**
 * Reads a record of the position topic, which stands at `offset`.
 * @throws SyncError KAFKA_POSITION_UNREADABLE when it is not one of a version that we know
 */
export function decodePositionRecord(text: string, at: { topic: string; offset: number }): PositionRecord {
  try {
    const json = recordJson.parse(JSON.parse(text));
    return json.kind === "plan" ? planFromJson(json) : unitFromJson(json);
  } catch (error) {
    throw syncError(
      "KAFKA_POSITION_UNREADABLE",
      `${at.topic} at offset ${at.offset} is not a position record: ${text.slice(0, 100)}`,
      {
        hint: "nobody else may write to this topic; was it written by a newer version of tallylake, install that",
        cause: error,
      },
    );
  }
}

function planFromJson({ version: _version, ...json }: z.infer<typeof planJson>): PlanRecord {
  return {
    ...json,
    tables: json.tables.map(([database, table, version]) => ({ table: { database, table }, version })),
    stopped: json.stopped.map(stopFromJson),
    routing: (json.routing ?? []).map(stageFromJson),
    snapshots: (json.snapshots ?? []).map(({ table, ...rest }) => ({
      ...rest,
      table: { database: table[0], table: table[1] },
    })),
  };
}

const stageFromJson = ({ until, rules }: StageJson): RoutingStage => ({
  until: until === null ? null : GtidSet.parse(until),
  rules: rules.map(decodeRule),
});

function unitFromJson({ version: _version, ...json }: z.infer<typeof unitJson>): UnitRecord {
  const { end } = json;
  return {
    ...json,
    after: decodeSourcePosition(json.after),
    end:
      end === null
        ? null
        : {
            ...end,
            kind: "position",
            position: decodeSourcePosition(end.position),
            stops: end.stops.map(stopFromJson),
            counts: end.counts.map(countsFromJson),
          },
    produced: json.produced.map(countsFromJson),
    ranges: json.ranges.map((range) => ({
      ...range,
      digest: { sum: BigInt(`0x${range.digest[0]}`), xor: BigInt(`0x${range.digest[1]}`) },
    })),
  };
}

const stopFromJson = ({ table, at, ...rest }: z.infer<typeof stopsJson>[number]): TableStop => ({
  ...rest,
  table: { database: table[0], table: table[1] },
  at: decodeSourcePosition(at),
});

const countsFromJson = ({ table, counts }: z.infer<typeof countsJson>[number]): TableCounts => ({
  table: { database: table[0], table: table[1] },
  counts: decodeHopCounts(counts),
});
