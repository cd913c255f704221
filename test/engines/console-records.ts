import type { Column, TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { floatBits, type EngineRow } from "../support/canonical-row.ts";
import type { ConsoleRecord } from "../support/console-consumer.ts";

/** What the header says, by the words of the README. */
export interface ConsoleHeader {
  readonly op: string;
  readonly seq: number;
  readonly row: number;
  readonly commitUs: number;
  readonly eventId: string;
}

export function headerOf({ headers }: ConsoleRecord): ConsoleHeader {
  const [, op = "", seq, row, commitUs, eventId = ""] = must(
    /^tallylake:([cudr]) (\d+) (\d+) (\d+) [0-9a-f]+ (\S+#\S+#\d+(?:\/[dc])?)$/.exec(headers),
    `a header in ${headers}`,
  );
  return { op, seq: Number(seq), row: Number(row), commitUs: Number(commitUs), eventId };
}

/** A column's value as it stands in JSON: numbers by their digits, which no number of ours could hold. */
type Cell = string | null | { readonly digits: string };
type Cells = Readonly<Record<string, Cell>>;

interface Envelope {
  readonly op: string;
  readonly ts_ms: { readonly digits: string };
  readonly source: Readonly<Record<string, Cell>>;
  readonly before: Cells | null;
  readonly after: Cells | null;
}

const parse = (text: string): unknown =>
  JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" ? { digits: must(context?.source, "the digits of a number") } : value,
  ) as unknown;

/**
 * Goes through the records of one table as the README tells consumers to, and gives the rows that are left. Each change
 * must fit to the row as the one before has left it, so that one that is missing, there twice or out of its order shows.
 */
export function foldRecords(
  schema: TableSchema,
  records: readonly ConsoleRecord[],
): { readonly rows: readonly EngineRow[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const state = new Map<string, Cells>();
  const partitionOf = new Map<string, number>();
  const events = new Set<string>();
  const lastSeq = new Map<number, number>();
  const text = JSON.stringify;
  for (const record of records) {
    const { partition, key, value } = record;
    const wrong = (what: string): void => void problems.push(`${partition}/${record.offset} ${key}: ${what}`);
    const { op, before, after, source, ts_ms } = parse(value) as Envelope;
    const header = headerOf(record);
    const columns = after ?? before ?? {};
    const ofKey = schema.columns.filter(({ name }) => schema.primaryKey.includes(name));
    const keyCells = Object.fromEntries(ofKey.map(({ name }) => [name, columns[name]]));
    if (text(parse(key)) !== text(keyCells)) wrong("not its row's key");
    if ((partitionOf.get(key) ?? partition) !== partition) wrong("a key in two partitions");
    if (header.op !== op) wrong(`the header has ${header.op} and not ${op}`);
    if (events.has(header.eventId)) wrong(`${header.eventId} is there twice`);
    if (header.seq <= (lastSeq.get(partition) ?? -1)) wrong("behind a later one");
    if (source["table"] !== schema.id.table || source["db"] !== schema.id.database) wrong("of another table");
    if (ts_ms.digits !== String(Math.floor(header.commitUs / 1000))) wrong("of another time");
    const row = op === "d" ? "" : Buffer.from(value).subarray(header.row, -1).toString();
    if (op !== "d" && text(parse(row)) !== text(after)) wrong("the header does not point to the row");
    if (op === "c" ? before !== null : before === null) wrong(`${op} with ${text(before)} before it`);
    if (text(state.get(key) ?? null) !== text(before)) wrong("it does not follow the change before");
    partitionOf.set(key, partition);
    events.add(header.eventId);
    lastSeq.set(partition, header.seq);
    if (after === null) state.delete(key);
    else state.set(key, after);
  }
  return { problems, rows: [...state.values()].map((cells) => rowOf(schema, cells)) };
}

const rowOf = ({ columns }: TableSchema, cells: Cells): EngineRow =>
  columns.map((column) => cellText(column, cells[column.name]));

function cellText({ name, type }: Column, cell: Cell | undefined): string | null {
  if (cell === undefined) throw new TypeError(`${name} is absent`);
  if (cell === null) return null;
  const isNumber = ["int", "year", "bit", "float", "double"].includes(type.kind);
  if (typeof cell === "string") {
    if (isNumber) throw new TypeError(`${name} is text`);
    return type.kind === "bytes" ? Buffer.from(cell, "base64").toString("hex") : cell;
  }
  if (!isNumber) throw new TypeError(`${name} is a number`);
  const { digits } = cell;
  return type.kind === "float" || type.kind === "double"
    ? floatBits(Number(digits), type.kind === "float")
    : digits;
}
