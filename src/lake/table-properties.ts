/**
 * `hoodie.properties`: what makes a folder a Hudi table. It is Java properties text; values are written raw
 * (only readers in Java know the escapes) and so must be ASCII on one line, which the names guarantee.
 */
import { crc32 } from "node:zlib";
import { assert } from "../util/assert.ts";

export interface TableProperties {
  readonly databaseName: string;
  readonly tableName: string;
  readonly recordKeys: readonly string[];
  readonly orderingColumn: string;
  readonly createSchema: string;
}

const FIXED: readonly (readonly [string, string])[] = [
  ["hoodie.table.type", "COPY_ON_WRITE"],
  ["hoodie.table.version", "6"],
  ["hoodie.timeline.layout.version", "1"],
  ["hoodie.table.keygenerator.class", "org.apache.hudi.keygen.NonpartitionedKeyGenerator"],
  ["hoodie.table.base.file.format", "PARQUET"],
  ["hoodie.archivelog.folder", "archived"],
  ["hoodie.populate.meta.fields", "true"],
  ["hoodie.compaction.payload.class", "org.apache.hudi.common.model.DefaultHoodieRecordPayload"],
  ["hoodie.compaction.record.merger.strategy", "eeb8d96f-b1e4-49fd-bbf8-28ac514178e5"],
  ["hoodie.datasource.write.hive_style_partitioning", "false"],
  ["hoodie.datasource.write.partitionpath.urlencode", "false"],
  ["hoodie.datasource.write.drop.partition.columns", "false"],
  ["hoodie.partition.metafile.use.base.format", "false"],
  ["hoodie.table.timeline.timezone", "UTC"],
  ["hoodie.table.cdc.enabled", "false"],
];

/** Hudi checks it when it is there: CRC-32 over both names. */
export const tableChecksum = (databaseName: string, tableName: string): string =>
  String(crc32(`${databaseName}.${tableName}`));

function entries(properties: TableProperties): readonly (readonly [string, string])[] {
  const { databaseName, tableName, recordKeys, orderingColumn, createSchema } = properties;
  return [
    ["hoodie.table.name", tableName],
    ["hoodie.database.name", databaseName],
    ["hoodie.table.recordkey.fields", recordKeys.join(",")],
    ["hoodie.table.precombine.field", orderingColumn],
    ...FIXED,
    ["hoodie.table.create.schema", createSchema],
    ["hoodie.table.checksum", tableChecksum(databaseName, tableName)],
  ];
}

export function formatTableProperties(properties: TableProperties): string {
  let text = "#Written by tallylake\n";
  for (const [key, value] of entries(properties)) {
    assert(
      /^[\x20-\x7e]*$/.test(value) && !/^ |\\/.test(value),
      `${key} cannot hold ${JSON.stringify(value)}`,
    );
    text += `${key}=${value}\n`;
  }
  return text;
}

/** Every key with its value, as Java reads them. */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  // A backslash at the end of a line joins it with the next one, whose leading blanks do not count.
  const joined = text.replaceAll(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*/g, "$1");
  for (const line of joined.split(/\r?\n|\r/)) {
    const trimmed = line.replace(/^[ \t\f]+/, "");
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith("!")) continue;
    const [, key = "", value = ""] =
      /^((?:[^\\:= \t\f]|\\.)*)[ \t\f]*[:=]?[ \t\f]*(.*)$/s.exec(trimmed) ?? [];
    values.set(unescapeJava(key), unescapeJava(value));
  }
  return values;
}

const unescapeJava = (text: string): string =>
  text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|(.))/gs,
    (_all, code: string | undefined, c: string | undefined) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return { n: "\n", r: "\r", t: "\t", f: "\f" }[c ?? ""] ?? c ?? "";
    },
  );

/**
 * Why a table with these properties is not one that we may write, or null when it is. Whether its commits
 * are ours is another question.
 */
export function propertiesProblem(
  values: ReadonlyMap<string, string>,
  recordKeys: readonly string[] | null,
): string | null {
  const version = values.get("hoodie.table.version");
  if (version !== "6") return `it has table version ${version ?? "unknown"}, and tallylake writes version 6`;
  const metadata = values.get("hoodie.table.metadata.partitions") ?? "";
  const building = values.get("hoodie.table.metadata.partitions.inflight") ?? "";
  if (metadata !== "" || building !== "") {
    return `it has a metadata table (${metadata || building}), which our commits would not keep up to date`;
  }
  const partitionFields = values.get("hoodie.table.partition.fields") ?? "";
  if (partitionFields !== "") return `it is partitioned by ${partitionFields}`;
  for (const [key, expected] of FIXED) {
    const value = values.get(key);
    if (value !== expected) return `${key} is ${value ?? "missing"} and not ${expected}`;
  }
  const keys = values.get("hoodie.table.recordkey.fields") ?? "";
  if (recordKeys !== null && keys !== recordKeys.join(",")) {
    return `its record key is ${keys || "missing"}, and the primary key of the source table ${recordKeys.join(",")}`;
  }
  const name = values.get("hoodie.table.name") ?? "";
  const database = values.get("hoodie.database.name") ?? "";
  if (values.get("hoodie.table.checksum") !== tableChecksum(database, name)) {
    return `hoodie.table.checksum does not fit the table's name ${database}.${name}`;
  }
  return null;
}
