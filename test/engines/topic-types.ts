import type { Column, TableSchema } from "../../src/types/table-schema.ts";

/**
 * The types with which other engines read the rows in our topics, column by column, as the README tells their users.
 * Each is the narrowest that holds every value of the column.
 */
export type TopicTypes = (column: Column) => string;

/** DATE and TIMESTAMP, unless the column holds dates that no calendar has, such as 0000-00-00: those are text. */
export const flinkTypes =
  (zeroDates: (column: Column) => boolean): TopicTypes =>
  (column) => {
    const { type } = column;
    switch (type.kind) {
      case "int": {
        if (type.bytes === 8) return type.unsigned ? "DECIMAL(20, 0)" : "BIGINT";
        const signed = { 1: "TINYINT", 2: "SMALLINT", 3: "INT", 4: "INT" } as const;
        const unsigned = { 1: "SMALLINT", 2: "INT", 3: "INT", 4: "BIGINT" } as const;
        return (type.unsigned ? unsigned : signed)[type.bytes];
      }
      case "year":
        return "INT";
      case "bit":
        return type.bits === 64 ? "DECIMAL(20, 0)" : "BIGINT";
      case "decimal":
        // Flink reads a longer one as NULL, without a word.
        return type.precision > 38 ? "STRING" : `DECIMAL(${type.precision}, ${type.scale})`;
      case "float":
        return "FLOAT";
      case "double":
        return "DOUBLE";
      case "bytes":
        return "BYTES";
      case "date":
        return zeroDates(column) ? "STRING" : "DATE";
      case "datetime":
      case "timestamp":
        return zeroDates(column) ? "STRING" : `TIMESTAMP(${type.fsp})`;
      case "text":
      case "time":
      case "enum":
      case "set":
      case "json":
        return "STRING";
    }
  };

/** Dates are text: ClickHouse's own types end in 2299, and put what lies behind that to their end. */
export const clickHouseType: TopicTypes = ({ type }) => {
  switch (type.kind) {
    case "int":
      return `${type.unsigned ? "U" : ""}Int${type.bytes === 3 ? 32 : type.bytes * 8}`;
    case "year":
      return "UInt16";
    case "bit":
      return "UInt64";
    case "decimal":
      return `Decimal(${type.precision}, ${type.scale})`;
    case "float":
      return "Float32";
    case "double":
      return "Float64";
    case "bytes":
    case "date":
    case "datetime":
    case "timestamp":
    case "text":
    case "time":
    case "enum":
    case "set":
    case "json":
      return "String";
  }
};

const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

export function flinkTable(
  name: string,
  { primaryKey, columns }: TableSchema,
  from: {
    readonly bootstrap: string;
    readonly topic: string;
    readonly types: TopicTypes;
    readonly more?: readonly string[];
  },
): string {
  const list = [
    ...columns.map((column) => `${quoted(column.name)} ${from.types(column)}`),
    ...(from.more ?? []),
    `PRIMARY KEY (${primaryKey.map(quoted).join(", ")}) NOT ENFORCED`,
  ];
  const options = {
    connector: "kafka",
    topic: from.topic,
    "properties.bootstrap.servers": from.bootstrap,
    "properties.isolation.level": "read_committed",
    "scan.startup.mode": "earliest-offset",
    "scan.bounded.mode": "latest-offset",
    format: "debezium-json",
  };
  const given = Object.entries(options).map(([key, value]) => `'${key}' = '${value}'`);
  return `CREATE TABLE ${quoted(name)} (${list.join(", ")}) WITH (${given.join(", ")})`;
}

export const flinkSelect = (name: string, { columns }: TableSchema): string =>
  `SELECT ${columns.map((column) => quoted(column.name)).join(", ")} FROM ${quoted(name)}`;

/** Statements that let ClickHouse follow a topic into the table `name`. */
export function clickHouseTables(
  name: string,
  { primaryKey, columns }: TableSchema,
  from: { readonly bootstrap: string; readonly topic: string; readonly group: string },
): readonly string[] {
  const typeOf = (column: Column): string => {
    const type = clickHouseType(column);
    return primaryKey.includes(column.name) ? type : `Nullable(${type})`;
  };
  const row = columns.map((column) => `${quoted(column.name)} ${typeOf(column)}`).join(", ");
  return [
    `CREATE TABLE ${name} (${row}, _seq UInt64, _is_deleted UInt8)
     ENGINE = ReplacingMergeTree(_seq, _is_deleted) ORDER BY (${primaryKey.map(quoted).join(", ")})`,
    `CREATE TABLE ${name}_topic (op String, before Tuple(${row}), after Tuple(${row}))
     ENGINE = Kafka SETTINGS kafka_broker_list = '${from.bootstrap}', kafka_topic_list = '${from.topic}',
       kafka_group_name = '${from.group}', kafka_format = 'JSONEachRow', kafka_flush_interval_ms = 200`,
    `CREATE TABLE ${name}_events (event String) ENGINE = MergeTree ORDER BY event`,
    `CREATE MATERIALIZED VIEW ${name}_reads TO ${name}_events AS
     SELECT _headers.value[indexOf(_headers.name, 'tallylake')] AS event FROM ${name}_topic`,
    `CREATE MATERIALIZED VIEW ${name}_changes TO ${name} AS
     SELECT ${columns.map(({ name: column }) => `tupleElement(if(op = 'd', before, after), '${column}') AS ${quoted(column)}`).join(", ")},
       toUInt64(splitByChar(' ', _headers.value[indexOf(_headers.name, 'tallylake')])[2]) AS _seq,
       op = 'd' AS _is_deleted
     FROM ${name}_topic`,
  ];
}

/** One exact text for each value, as `canonicalRow` has it. */
export function clickHouseSelect(name: string, { columns }: TableSchema): string {
  const list = columns.map(({ name: column, type }) => {
    const value = quoted(column);
    switch (type.kind) {
      case "float":
        return `leftPad(lower(hex(reinterpretAsUInt32(${value}))), 8, '0')`;
      case "double":
        return `leftPad(lower(hex(reinterpretAsUInt64(${value}))), 16, '0')`;
      case "bytes":
        return `lower(hex(base64Decode(${value})))`;
      case "decimal":
        return `toDecimalString(${value}, ${type.scale})`;
      default:
        return `toString(${value})`;
    }
  });
  return `SELECT ${list.join(", ")} FROM ${name} FINAL FORMAT JSONCompactEachRow`;
}
