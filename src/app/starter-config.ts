import { stringify } from "yaml";
import type { Problem } from "../types/ports.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import { patternOfTable } from "../types/table-pattern.ts";
import { printable } from "../util/printable.ts";
import { formatCount } from "../util/units.ts";

/** A table that was found on the server. */
export interface DiscoveredTable {
  readonly id: TableId;
  /** An estimate; null when there is none. */
  readonly rowsEstimated: number | null;
  /** What keeps it from being replicated, and what is worth knowing. */
  readonly problems: readonly Problem[];
}

export interface StarterOptions {
  /** As it is to stand in the file: without a password, or one reference. */
  readonly url: string;
  /** Reference that stands for the password; null when the URL is all there is. */
  readonly password: string | null;
  readonly tables: readonly DiscoveredTable[];
  /** Path or URL of the JSON Schema, for editors; null leaves the line out. */
  readonly schema: string | null;
  /** Folder of the lake, as it is to stand in the file. */
  readonly lake: string;
}

/**
 * A config with comments, ready to be used: every table by its name with what was found out about it. Tables
 * that cannot be replicated are there too, behind a #, each with the reason and the remedy.
 */
export function starterConfig(options: StarterOptions): string {
  const sorted = [...options.tables].sort((a, b) => (formatTableId(a.id) < formatTableId(b.id) ? -1 : 1));
  const usable = sorted.filter((table) => refusals(table).length === 0);
  const refused = sorted.filter((table) => refusals(table).length > 0);
  const lines = [
    ...(options.schema === null ? [] : [`# yaml-language-server: $schema=${options.schema}`, ""]),
    "# The server that the tables come from. Secrets stand here by name only: ${env:NAME} or ${file:path}.",
    "source:",
    `  url: ${scalar(options.url)}`,
    ...(options.password === null ? [] : [`  password: ${scalar(options.password)}`]),
    "",
    "# The tables to keep: database.table, also with * and ?, or a /regular expression/.",
    ...tableLines(usable),
    ...refused.flatMap(refusedLines),
    "",
    "# Each table becomes a Hudi table at <lake>/<database>/<table>.",
    `lake: ${scalar(options.lake)}`,
    "",
    "# What follows is in force as it stands. Remove the # to change it.",
    ...DEFAULTS,
  ];
  return `${lines.join("\n")}\n`;
}

const DEFAULTS = [
  "# commit: {every: 30s, rows: 100000, bytes: 256MiB}  # a commit comes at the first of these",
  "# clean: {retain: 1h}  # replaced files stay as long as your longest query",
  "# snapshot: {parallel: 4, chunkRows: 100000}",
  "# overrides:",
  "#   - {tables: [shop.legacy_*], zeroDates: text}  # 0000-00-00 as text; null and counted otherwise",
  "# channel:  # changes go through Kafka, where others can read them too; within one process otherwise",
  "#   kafka: {brokers: [kafka-1:9092]}",
  "# trace: {url: http://localhost:8123}  # a ClickHouse for the counts, in place of the one inside",
];

const refusals = (table: DiscoveredTable): readonly Problem[] =>
  table.problems.filter(({ severity }) => severity === "error");

function tableLines(tables: readonly DiscoveredTable[]): string[] {
  if (tables.length === 0) return ["tables: []  # none was found that can be replicated"];
  const entries = tables.map((table) => `  - ${scalar(patternOfTable(table.id))}`);
  const width = Math.max(...entries.map((entry) => entry.length));
  return [
    "tables:",
    ...tables.map((table, i) => {
      const entry = entries[i] ?? "";
      const rows =
        table.rowsEstimated === null
          ? ""
          : `~${formatCount(table.rowsEstimated)} row${table.rowsEstimated === 1 ? "" : "s"}`;
      const warnings = table.problems.map(({ message }) => comment(message));
      const notes = [rows, ...warnings].filter((note) => note !== "").join("; ");
      return notes === "" ? entry : `${entry.padEnd(width)}  # ${notes}`;
    }),
  ];
}

function refusedLines(table: DiscoveredTable): string[] {
  return [
    `  # - ${comment(scalar(patternOfTable(table.id)))}`,
    ...refusals(table).flatMap(({ message, hint }) => [
      `  #     cannot be replicated: ${comment(message)}`,
      ...hint.split("\n").map((line) => `  #     fix: ${comment(line)}`),
    ]),
  ];
}

/** A comment ends with its line, whatever a name holds. */
const comment = (text: string): string => printable(text);

/** The text as YAML on one line, in quotes where it needs them. JSON's escapes are YAML's as well. */
const scalar = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? stringify(text, { lineWidth: 0 }).trimEnd() : printable(JSON.stringify(text));
