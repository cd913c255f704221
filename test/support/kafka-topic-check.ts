/**
 * Looks at the topics as anybody may who reads committed records: by Kafka's own console consumer, and by knowing no
 * more of us than what the README tells such readers. None of our code takes part.
 */
import { consoleRecords } from "./console-consumer.ts";

export interface RawChange {
  readonly partition: number;
  readonly offset: number;
  readonly op: string;
  readonly seq: number;
  /** `source/epoch/gtid#database.table#n`, and a part of a key's change behind it. */
  readonly id: string;
  readonly table: string;
  readonly key: string;
}

interface RawRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly changes: number;
}

interface RawPosition {
  readonly kind: "plan" | "unit";
  readonly id: string;
  readonly parent?: { readonly id: string } | null;
  readonly plan?: { readonly id: string };
  readonly ranges?: readonly RawRange[];
  readonly tables?: readonly (readonly [string, string, string])[];
}

export interface RawTopics {
  readonly changes: readonly RawChange[];
  /** In the order in which they stand in their topic. */
  readonly positions: readonly RawPosition[];
}

/** All that is committed in the topics whose names begin with one of these. */
export async function readRawTopics(bootstrap: string, prefixes: readonly string[]): Promise<RawTopics> {
  const topics = `(${prefixes.join("|")}).*`;
  const changes: RawChange[] = [];
  const positions: RawPosition[] = [];
  for (const record of await consoleRecords(bootstrap, { topics, isolation: "read_committed" })) {
    const { partition, offset, headers, key, value } = record;
    if (headers === "NO_HEADERS") {
      if (value !== "null") positions.push(JSON.parse(value) as RawPosition);
      continue;
    }
    const [, op = "", seq = "", id = ""] = /^tallylake:(\S+) (\d+) \d+ \d+ \S+ (.*)$/s.exec(headers) ?? [];
    const table = id.split("#").at(-2) ?? "";
    changes.push({ partition, offset, op, seq: +seq, id, table, key });
  }
  return { changes, positions };
}

/** What is wrong with what one database has in the topics. */
export function topicProblems(raw: RawTopics, database: string): readonly string[] {
  const plans = new Set(
    raw.positions
      .filter(({ kind, tables = [] }) => kind === "plan" && tables.some(([name]) => name === database))
      .map(({ id }) => id),
  );
  const units = raw.positions.filter(({ kind, plan }) => kind === "unit" && plans.has(plan?.id ?? ""));
  const changes = raw.changes.filter(({ table }) => table.startsWith(`${database}.`));
  if (units.length === 0) return ["there is no position at all"];
  return [...chainProblems(units), ...generationProblems(units, changes)];
}

function chainProblems(units: readonly RawPosition[]): readonly string[] {
  const found: string[] = [];
  let before: string | null = null;
  for (const { id, parent } of units) {
    if (parent !== null && parent?.id !== before)
      found.push(`the position ${id} does not follow ${before ?? "any"}`);
    before = id;
  }
  return found;
}

function generationProblems(units: readonly RawPosition[], changes: readonly RawChange[]): readonly string[] {
  const found: string[] = [];
  const owners = new Map<string, number>();
  let generation = 0;
  const expected = new Map<number, number>();
  for (const { parent, ranges = [] } of units) {
    if (parent === null) generation++;
    for (const { topic, partition, from, to, changes: count } of ranges) {
      expected.set(generation, (expected.get(generation) ?? 0) + count);
      for (let offset = from; offset < to; offset++)
        owners.set(`${topic}/${partition}:${offset}`, generation);
    }
  }
  const byTable = new Map<string, string>();
  for (const { ranges = [] } of units)
    for (const { topic } of ranges) byTable.set(topic.slice(topic.indexOf(".") + 1), topic);
  const seen = new Map<string, number>();
  const last = new Map<string, number>();
  const counts = new Map<number, number>();
  for (const { table, partition, offset, id, key, seq } of changes) {
    const owner = owners.get(`${byTable.get(table) ?? ""}/${partition}:${offset}`);
    if (owner === undefined) {
      found.push(`${table}/${partition}:${offset} is committed, and no position names it: ${id}`);
      continue;
    }
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const times = (seen.get(`${owner} ${id}`) ?? 0) + 1;
    seen.set(`${owner} ${id}`, times);
    if (times > 1) found.push(`${id} is there ${times} times in generation ${owner}`);
    const ofKey = `${owner} ${table}/${partition} ${key}`;
    const previous = last.get(ofKey) ?? -1;
    if (seq <= previous) found.push(`${key} of ${table} has ${seq} behind ${previous}`);
    last.set(ofKey, seq);
  }
  for (const [of, count] of expected)
    if (counts.get(of) !== count)
      found.push(`generation ${of} names ${count} changes, and ${counts.get(of) ?? 0} are there`);
  return found;
}
