/** The columns of an Arrow stream: which type each of DuckDB's becomes, and how a batch of it is put together. */
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalType,
  DuckDBDecimalValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBTypeId,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import {
  Binary,
  Bool,
  DateDay,
  Decimal,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  makeData,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  type Data,
  type DataType,
  type Timestamp,
} from "apache-arrow";
import { InvariantError } from "../util/assert.ts";

export interface ArrowColumn {
  readonly type: DataType;
  /** What DuckDB makes of the column before it is taken over. */
  readonly sql: (column: string) => string;
  readonly start: () => ArrowBuilder;
}

/** Gathers the values of one column of one batch. */
export interface ArrowBuilder {
  append(value: DuckDBValue): void;
  /** Bytes of values of varying length. */
  readonly bytes: number;
  finish(): Data;
}

/** A type without a counterpart becomes text, as DuckDB prints it. */
export function arrowColumn(type: DuckDBType): ArrowColumn {
  const { typeId } = type;
  if (type instanceof DuckDBDecimalType) return decimalColumn(type.width, type.scale, asIs);
  if (typeId === DuckDBTypeId.HUGEINT || typeId === DuckDBTypeId.UHUGEINT) {
    return decimalColumn(38, 0, (column) => `CAST(${column} AS DECIMAL(38,0))`);
  }
  if (typeId === DuckDBTypeId.BLOB) return bytesColumn(new Binary(), asIs);
  const fixed = FIXED.get(typeId);
  if (fixed !== undefined) return fixed;
  if (typeId === DuckDBTypeId.BOOLEAN) {
    return { type: new Bool(), sql: asIs, start: () => new BoolBuilder() };
  }
  // As bytes, so that no text is decoded only to be encoded again.
  return bytesColumn(new Utf8(), (column) => `encode(CAST(${column} AS VARCHAR))`);
}

const asIs = (column: string): string => column;

interface FixedType<V extends number | bigint> {
  readonly type: DataType;
  /** Stands where there is no value. */
  readonly zero: V;
  readonly read: (value: DuckDBValue) => V;
  readonly data: (values: readonly V[], props: ValidityProps) => Data;
}

const fixedColumn = <V extends number | bigint>(fixed: FixedType<V>): ArrowColumn => ({
  type: fixed.type,
  sql: asIs,
  start: () => new FixedBuilder(fixed),
});

const unexpected = (value: DuckDBValue): Error =>
  new InvariantError(`a value of an unexpected kind: ${typeof value}`);

function asNumber(value: DuckDBValue): number {
  if (typeof value === "number") return value;
  if (value instanceof DuckDBDateValue) return value.days;
  throw unexpected(value);
}

/** Of times in their own unit. */
function asBigint(value: DuckDBValue): bigint {
  if (typeof value === "bigint") return value;
  if (
    value instanceof DuckDBTimestampValue ||
    value instanceof DuckDBTimestampTZValue ||
    value instanceof DuckDBTimeValue
  ) {
    return value.micros;
  }
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis;
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.nanos;
  throw unexpected(value);
}

const numbers = (type: DataType, data: FixedType<number>["data"]): ArrowColumn =>
  fixedColumn({ type, zero: 0, read: asNumber, data });
const bigints = (type: DataType, data: FixedType<bigint>["data"]): ArrowColumn =>
  fixedColumn({ type, zero: 0n, read: asBigint, data });

function timestamps(type: Timestamp): ArrowColumn {
  return bigints(type, (values, props) => makeData({ type, ...props, data: BigInt64Array.from(values) }));
}

const FIXED: ReadonlyMap<DuckDBTypeId, ArrowColumn> = new Map([
  [
    DuckDBTypeId.TINYINT,
    numbers(new Int8(), (v, props) => makeData({ type: new Int8(), ...props, data: Int8Array.from(v) })),
  ],
  [
    DuckDBTypeId.SMALLINT,
    numbers(new Int16(), (v, props) => makeData({ type: new Int16(), ...props, data: Int16Array.from(v) })),
  ],
  [
    DuckDBTypeId.INTEGER,
    numbers(new Int32(), (v, props) => makeData({ type: new Int32(), ...props, data: Int32Array.from(v) })),
  ],
  [
    DuckDBTypeId.BIGINT,
    bigints(new Int64(), (v, props) =>
      makeData({ type: new Int64(), ...props, data: BigInt64Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.UTINYINT,
    numbers(new Uint8(), (v, props) => makeData({ type: new Uint8(), ...props, data: Uint8Array.from(v) })),
  ],
  [
    DuckDBTypeId.USMALLINT,
    numbers(new Uint16(), (v, props) =>
      makeData({ type: new Uint16(), ...props, data: Uint16Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.UINTEGER,
    numbers(new Uint32(), (v, props) =>
      makeData({ type: new Uint32(), ...props, data: Uint32Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.UBIGINT,
    bigints(new Uint64(), (v, props) =>
      makeData({ type: new Uint64(), ...props, data: BigUint64Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.FLOAT,
    numbers(new Float32(), (v, props) =>
      makeData({ type: new Float32(), ...props, data: Float32Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.DOUBLE,
    numbers(new Float64(), (v, props) =>
      makeData({ type: new Float64(), ...props, data: Float64Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.DATE,
    numbers(new DateDay(), (v, props) =>
      makeData({ type: new DateDay(), ...props, data: Int32Array.from(v) }),
    ),
  ],
  [
    DuckDBTypeId.TIME,
    bigints(new TimeMicrosecond(), (v, props) =>
      makeData({ type: new TimeMicrosecond(), ...props, data: BigInt64Array.from(v) }),
    ),
  ],
  [DuckDBTypeId.TIMESTAMP, timestamps(new TimestampMicrosecond())],
  [DuckDBTypeId.TIMESTAMP_TZ, timestamps(new TimestampMicrosecond("UTC"))],
  [DuckDBTypeId.TIMESTAMP_S, timestamps(new TimestampSecond())],
  [DuckDBTypeId.TIMESTAMP_MS, timestamps(new TimestampMillisecond())],
  [DuckDBTypeId.TIMESTAMP_NS, timestamps(new TimestampNanosecond())],
]);

interface ValidityProps {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array;
}

/** Which rows have a value, one bit each. */
class Validity {
  #bits = new Uint8Array(64);
  rows = 0;
  nulls = 0;

  append(isValid: boolean): number {
    const row = this.rows++;
    if (row >> 3 >= this.#bits.length) this.#bits = grown(this.#bits);
    if (isValid) this.#bits[row >> 3] = (this.#bits[row >> 3] ?? 0) | (1 << (row & 7));
    else this.nulls++;
    return row;
  }

  get props(): ValidityProps {
    return {
      length: this.rows,
      nullCount: this.nulls,
      nullBitmap: this.#bits.slice(0, (this.rows + 7) >> 3),
    };
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, least = 0): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(bytes.length * 2, least));
  larger.set(bytes);
  return larger;
}

class FixedBuilder<V extends number | bigint> implements ArrowBuilder {
  readonly #fixed: FixedType<V>;
  readonly #validity = new Validity();
  readonly #values: V[] = [];
  readonly bytes = 0;

  constructor(fixed: FixedType<V>) {
    this.#fixed = fixed;
  }

  append(value: DuckDBValue): void {
    this.#validity.append(value !== null);
    this.#values.push(value === null ? this.#fixed.zero : this.#fixed.read(value));
  }

  finish(): Data {
    return this.#fixed.data(this.#values, this.#validity.props);
  }
}

class BoolBuilder implements ArrowBuilder {
  readonly #validity = new Validity();
  readonly #values = new Validity();
  readonly bytes = 0;

  append(value: DuckDBValue): void {
    this.#validity.append(value !== null);
    this.#values.append(value === true);
  }

  finish(): Data {
    return makeData({ type: new Bool(), ...this.#validity.props, data: this.#values.props.nullBitmap });
  }
}

function decimalColumn(precision: number, scale: number, sql: ArrowColumn["sql"]): ArrowColumn {
  const type = new Decimal(scale, precision, 128);
  return { type, sql, start: () => new DecimalBuilder(type) };
}

const DECIMAL_BYTES = 16;

class DecimalBuilder implements ArrowBuilder {
  readonly #type: Decimal;
  readonly #validity = new Validity();
  #data = new Uint8Array(64 * DECIMAL_BYTES);
  readonly bytes = 0;

  constructor(type: Decimal) {
    this.#type = type;
  }

  append(value: DuckDBValue): void {
    const at = this.#validity.append(value !== null) * DECIMAL_BYTES;
    if (at >= this.#data.length) this.#data = grown(this.#data);
    if (value === null) return;
    if (!(value instanceof DuckDBDecimalValue)) throw unexpected(value);
    const view = new DataView(this.#data.buffer);
    view.setBigInt64(at, BigInt.asIntN(64, value.value), true);
    view.setBigInt64(at + 8, value.value >> 64n, true);
  }

  finish(): Data {
    const { rows } = this.#validity;
    const data = new Uint32Array(this.#data.buffer.slice(0, rows * DECIMAL_BYTES));
    return makeData({ type: this.#type, ...this.#validity.props, data });
  }
}

const bytesColumn = (type: Binary | Utf8, sql: ArrowColumn["sql"]): ArrowColumn => ({
  type,
  sql,
  start: () => new BytesBuilder(type),
});

class BytesBuilder implements ArrowBuilder {
  readonly #type: Binary | Utf8;
  readonly #validity = new Validity();
  readonly #offsets: number[] = [0];
  #data = new Uint8Array(1024);
  bytes = 0;

  constructor(type: Binary | Utf8) {
    this.#type = type;
  }

  append(value: DuckDBValue): void {
    this.#validity.append(value !== null);
    if (value !== null) {
      if (!(value instanceof DuckDBBlobValue)) throw unexpected(value);
      const end = this.bytes + value.bytes.length;
      if (end > this.#data.length) this.#data = grown(this.#data, end);
      this.#data.set(value.bytes, this.bytes);
      this.bytes = end;
    }
    this.#offsets.push(this.bytes);
  }

  finish(): Data {
    const parts = {
      ...this.#validity.props,
      valueOffsets: Int32Array.from(this.#offsets),
      data: this.#data.slice(0, this.bytes),
    };
    return this.#type instanceof Binary
      ? makeData({ type: this.#type, ...parts })
      : makeData({ type: this.#type, ...parts });
  }
}
