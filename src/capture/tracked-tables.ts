import type { ChangeBatch, TransactionRef } from "../types/change-batch.ts";
import { GtidSet } from "../types/gtid.ts";
import type { ColumnChange } from "../types/column-change.ts";
import type { TableStop } from "../types/ports.ts";
import { formatTableId, resnapshotHint, tableKey, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { EXIT, isSyncError } from "../types/errors.ts";
import { sharedSpareMemory } from "../util/spare-memory.ts";
import type { Hasher64 } from "../util/xxhash.ts";
import { BatchBuilder, type BatchBuilderOptions, type RowsEvent } from "./batch-builder.ts";
import { EVENT, type EventHeader, type QueryEvent } from "./binlog-event.ts";
import type { Charsets } from "./charset/charset-table.ts";
import { corrupt } from "./corrupt.ts";
import { ByteReader } from "./byte-reader.ts";
import type { RowReader } from "./row-store.ts";
import type { Statement } from "./statement.ts";
import { PRIMARY } from "./table-key.ts";
import type { DeferredRows } from "./deferred-rows.ts";
import { wholeUpdate } from "./partial-update.ts";
import { parseTableMap, parseTableMapName, type Collations, type MappedColumn } from "./table-map.ts";

/** Why a table cannot be followed any further; where is known by the caller. */
export interface StopReason extends Omit<TableStop, "at" | "columns"> {
  /** It is a statement that changed columns alone. */
  readonly change?: ColumnChange;
}

export interface TrackedTablesOptions extends BatchBuilderOptions {
  readonly schemas: readonly TableSchema[];
  readonly collations: Collations;
  readonly charsets: Charsets;
  readonly countsSpatial: boolean;
  /** `lower_case_table_names` is not 0: names are compared without case. */
  readonly foldsCase: boolean;
  /** What tables hold already, by `tableKey`. */
  readonly held: ReadonlyMap<string, GtidSet>;
}

interface TrackedTable {
  readonly schema: TableSchema;
  readonly builder: BatchBuilder;
  /** By version, and by what a version does not say of how values lie in a row: the bytes of their lengths. */
  readonly readers: Map<string, RowReader>;
  isStopped: boolean;
  /** It has rows in the open transaction. */
  isOpen: boolean;
}

/** What a table number of the binlog stands for, as long as its TABLE_MAP stays the same to the byte. */
interface Mapping {
  readonly body: Uint8Array;
  /** Null for a table that we do not keep. */
  readonly table: TrackedTable | null;
  readonly columns: readonly MappedColumn[];
  readonly reader: RowReader | null;
  /** Why rows of this mapping cannot be read; told when the first of them comes. */
  readonly refusal: StopReason | null;
}

/** Row images of one event. */
interface RowImages {
  readonly type: number;
  /** They have all columns. */
  readonly isWhole: boolean;
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** The tables that we keep, on their way through the binlog: TABLE_MAPs, rows, and what stops a table. */
export class TrackedTables {
  readonly #options: TrackedTablesOptions;
  readonly #tables: ReadonlyMap<string, TrackedTable>;
  readonly #maps = new Map<number, Mapping>();
  #transaction: Omit<TransactionRef, "firstRow"> | null = null;
  #isEcho = false;
  #deferred: DeferredRows | null = null;
  #open: TrackedTable[] = [];
  #pendingRows = 0;
  #pendingBytes = 0;

  constructor(options: TrackedTablesOptions) {
    this.#options = options;
    this.#tables = new Map(
      options.schemas.map((schema) => [
        this.#key(schema.id),
        {
          schema,
          builder: new BatchBuilder(schema, options),
          readers: new Map<string, RowReader>(),
          isStopped: false,
          isOpen: false,
        },
      ]),
    );
  }

  /** For whoever follows transactions and keeps no rows. */
  static none(numbering: TrackedTablesOptions["numbering"]): TrackedTables {
    return new TrackedTables({
      schemas: [],
      collations: new Map(),
      charsets: new Map(),
      countsSpatial: false,
      numbering,
      foldsCase: false,
      form: "columns",
      recordSource: { source: "", epoch: 1, version: "" },
      spare: sharedSpareMemory(),
      held: new Map(),
    });
  }

  #key(id: TableId): string {
    const key = tableKey(id);
    return this.#options.foldsCase ? key.toLowerCase() : key;
  }

  /** Rows that wait in the builders. */
  get pendingRows(): number {
    return this.#pendingRows;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get hasOpenRows(): boolean {
    return this.#open.length > 0 || (this.#deferred?.byteLength ?? 0) > 0;
  }

  openTables(): readonly TableId[] {
    return this.#open.map((table) => table.schema.id);
  }

  /** Whether every table has stopped, so that reading on serves nobody. */
  get allStopped(): boolean {
    return [...this.#tables.values()].every((table) => table.isStopped);
  }

  beginTransaction(transaction: Omit<TransactionRef, "firstRow">, isEcho: boolean): void {
    this.#transaction = transaction;
    this.#isEcho = isEcho;
  }

  /** Rows that follow are kept there until somebody reads them; with null they go to their tables again. */
  deferTo(rows: DeferredRows | null): void {
    this.#deferred = rows;
  }

  endTransaction(): void {
    this.#deferred = null;
    for (const table of this.#open) {
      table.isOpen = false;
      table.builder.endTransaction();
    }
    this.#open = [];
    this.#transaction = null;
  }

  /** Whether a table has what a transaction did to it, so that whatever cannot be read of that is not missed. */
  holds(id: TableId, gtid: string): boolean {
    return this.#options.held.get(tableKey(id))?.includes(GtidSet.parse(gtid)) === true;
  }

  stop(id: TableId): void {
    const table = this.#tables.get(this.#key(id));
    if (table !== undefined) table.isStopped = true;
  }

  forgetMaps(): void {
    this.#maps.clear();
  }

  map(bytes: Uint8Array, header: EventHeader, hasher: Hasher64): void {
    const { mapId, id } = parseTableMapName(bytes, header.bodyStart, header.bodyEnd);
    const known = this.#maps.get(mapId);
    const body = bytes.subarray(header.bodyStart, header.bodyEnd);
    if (known === undefined || Buffer.compare(known.body, body) !== 0) {
      this.#maps.set(mapId, this.#makeMapping(id, bytes, header));
    }
    hasher.update(Buffer.from(formatTableId(id)));
  }

  #makeMapping(id: TableId, bytes: Uint8Array, header: EventHeader): Mapping {
    const body = Uint8Array.from(bytes.subarray(header.bodyStart, header.bodyEnd));
    const table = this.#tables.get(this.#key(id)) ?? null;
    const unread = { body, table, columns: [], reader: null };
    if (table === null) return { ...unread, refusal: null };
    try {
      const place = { from: header.bodyStart, to: header.bodyEnd };
      const { primaryKey, keyIndex } = table.schema;
      const key = keyIndex === undefined || keyIndex.name === PRIMARY ? undefined : primaryKey;
      const map = parseTableMap(bytes, place, { ...this.#options, known: table.schema, key });
      if (map.version !== table.schema.version) {
        return { ...unread, refusal: schemaChanged(table.schema, map.columns.length) };
      }
      const layout = `${map.version} ${map.columns.map(({ lengthBytes }) => lengthBytes).join("")}`;
      const reader = table.readers.get(layout) ?? table.builder.reader(map);
      table.readers.set(layout, reader);
      return { body, table, columns: map.columns, reader, refusal: null };
    } catch (error) {
      return { ...unread, refusal: stopReason(table.schema.id, error) };
    }
  }

  /** Adds the rows of an event to their table; returns why the table stops here, or null. */
  rows(bytes: Uint8Array, header: EventHeader, hasher: Hasher64): StopReason | null {
    const r = new ByteReader(bytes, header.bodyStart, header.bodyEnd);
    const mapId = r.uint(6);
    r.skip(2);
    if (!header.isV1) r.skip(r.u16() - 2);
    const columns = r.packedLength();
    const isUpdate = header.type === EVENT.partialUpdateRows || header.type === EVENT.updateRows;
    const bitmaps = r.take(((columns + 7) >> 3) * (isUpdate ? 2 : 1));
    hasher.update(ROW_EVENT_MARKS.get(header.type) ?? bytes.subarray(0, 0));
    hasher.update(bytes.subarray(r.position, header.bodyEnd));
    const mapping = this.#maps.get(mapId);
    if (mapping === undefined) {
      // The number that ends a statement without rows of its own.
      if (mapId === DUMMY_MAP_ID && r.left === 0) return null;
      throw corrupt(`a row event names the table number ${mapId}, which no TABLE_MAP has introduced`);
    }
    const { table } = mapping;
    if (table === null || table.isStopped || this.#isEcho) return null;
    const { type, bodyEnd: to } = header;
    const isWhole = allSet(bitmaps, columns);
    if (this.#deferred === null)
      return this.#images(mapping, table, { type, isWhole, bytes, from: r.position, to });
    const copy = Uint8Array.from(bytes.subarray(r.position, to));
    this.#deferred.add(table.schema.id, copy.length, () =>
      this.#images(mapping, table, { type, isWhole, bytes: copy, from: 0, to: copy.length }),
    );
    return null;
  }

  #images(
    { columns, reader, refusal }: Mapping,
    table: TrackedTable,
    { type, isWhole, bytes, from, to }: RowImages,
  ): StopReason | null {
    if (table.isStopped) return null;
    if (refusal !== null) return refusal;
    if (!isWhole) return partialImage(table.schema.id);
    if (reader === null || this.#transaction === null)
      throw corrupt("a row event came without its transaction");
    if (!table.isOpen) {
      table.isOpen = true;
      this.#open.push(table);
      table.builder.beginTransaction(this.#transaction);
    }
    const isPartial = type === EVENT.partialUpdateRows;
    const operation = isPartial || type === EVENT.updateRows ? "u" : type === EVENT.writeRows ? "c" : "d";
    return this.#add(
      table,
      { operation, bytes, from, to },
      { reader, partialOf: isPartial ? columns : null },
    );
  }

  /** `partialOf`: the columns of a partial update. */
  #add(
    { schema, builder }: TrackedTable,
    event: RowsEvent,
    how: { readonly reader: RowReader; readonly partialOf: readonly MappedColumn[] | null },
  ): StopReason | null {
    this.#pendingRows -= builder.count;
    this.#pendingBytes -= builder.byteLength;
    try {
      builder.add(how.partialOf === null ? event : wholeUpdate(event, how.partialOf), how.reader);
      return null;
    } catch (error) {
      return stopReason(schema.id, error);
    } finally {
      this.#pendingRows += builder.count;
      this.#pendingBytes += builder.byteLength;
    }
  }

  /** Tables that a DDL statement stops. */
  affectedBy(
    statement: Extract<Statement, { kind: "ddl" | "indexes" | "dropDatabase" }>,
    query: QueryEvent,
  ): readonly StopReason[] {
    const isHit = ({ id, keyIndex }: TableSchema): boolean => {
      if (statement.kind === "indexes") {
        const key = (keyIndex?.name ?? PRIMARY).toLowerCase();
        const isKey = statement.indexes.some((index) => index.toLowerCase() === key);
        return isKey && this.#key(statement.table) === this.#key(id);
      }
      if (statement.kind === "ddl")
        return statement.tables.some((named) => this.#key(named) === this.#key(id));
      const fold = (name: string): string => (this.#options.foldsCase ? name.toLowerCase() : name);
      return fold(statement.database) === fold(id.database);
    };
    return [...this.#tables.values()]
      .filter((table) => !table.isStopped && isHit(table.schema))
      .map((table) => {
        const stop = ddl(table.schema.id, query.statement);
        return statement.kind === "ddl" && statement.columns !== undefined
          ? { ...stop, change: statement.columns }
          : stop;
      });
  }

  takeBatches(): readonly ChangeBatch[] {
    const batches: ChangeBatch[] = [];
    for (const { builder } of this.#tables.values()) if (builder.count > 0) batches.push(builder.take());
    this.#pendingRows = 0;
    this.#pendingBytes = 0;
    return batches;
  }
}

/** What enters the hash of a transaction for the kind of a row event. */
const ROW_EVENT_MARKS: ReadonlyMap<number, Uint8Array> = new Map(
  [EVENT.writeRows, EVENT.updateRows, EVENT.deleteRows, EVENT.partialUpdateRows].map((type) => [
    type,
    Uint8Array.of(type),
  ]),
);

const DUMMY_MAP_ID = 0xffffff;

/** Whether a bitmap of present columns has all of them; an update has two bitmaps. */
function allSet(bitmaps: Uint8Array, columns: number): boolean {
  const bytes = (columns + 7) >> 3;
  const tail = columns & 7;
  return bitmaps.every((byte, i) => {
    const expected = tail !== 0 && i % bytes === bytes - 1 ? (1 << tail) - 1 : 0xff;
    return (byte & expected) === expected;
  });
}

/** An error that concerns one table stops that table; any other is thrown on. */
function stopReason(table: TableId, error: unknown): StopReason {
  if (!isSyncError(error) || error.exitCode !== EXIT.mismatch) throw error;
  const { code, message, hint } = error;
  return { table, code, message, hint };
}

const schemaChanged = (schema: TableSchema, columns: number): StopReason => ({
  table: schema.id,
  code: "TABLE_SCHEMA_CHANGED",
  message: `its rows have another schema than the lake's table (${schema.columns.length} columns there, ${columns} in the binlog)`,
  hint: resnapshotHint(schema.id),
});

const partialImage = (table: TableId): StopReason => ({
  table,
  code: "TABLE_ROW_IMAGE",
  message: "a row came without some of its columns (binlog_row_image is not FULL in some session)",
  hint: `SET GLOBAL binlog_row_image = 'FULL' on the source, end the session that changed it, then ${resnapshotHint(table)}`,
});

/** The statement's first word only: its text may hold what nobody should read in a log. */
const ddl = (table: TableId, statement: string): StopReason => ({
  table,
  code: "TABLE_DDL",
  message: `the statement ${/^\W*(\w+)/.exec(statement)?.[1]?.toUpperCase() ?? "DDL"} changed the table`,
  hint: resnapshotHint(table),
});
