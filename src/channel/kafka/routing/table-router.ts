/**
 * The rules as they are for one table: conditions compiled for its columns, names of topics made where no value is
 * needed for them. Most tables have one topic for all of their rows, which then cost nothing.
 */
import { syncError } from "../../../types/errors.ts";
import type { Problem } from "../../../types/ports.ts";
import { formatTableId } from "../../../types/table-id.ts";
import { matchesTable } from "../../../types/table-pattern.ts";
import type { TableSchema } from "../../../types/table-schema.ts";
import { nearest } from "../../../util/nearest.ts";
import { filledTemplate, tableTopic, tableVariables, topicName, type TopicVariables } from "../topic-name.ts";
import { compileCondition, ConditionError, type Condition } from "./condition.ts";
import { cellText, RowCells } from "./row-cell.ts";
import type { RoutingRule } from "./rule.ts";
import { templateColumns, templateParts, type TemplatePart } from "./template.ts";
import { fittingName, TopicPool, valueInTopic } from "./topic-pool.ts";

export interface RoutingNames {
  readonly source: string;
  /** Template of the topics of rows for which no rule holds. */
  readonly topic: string;
}

interface SlotCondition {
  readonly slot: number;
  readonly holds: Condition;
}

/** A topic that values are part of, with the topics that were made of them by the JSON of the cells. */
interface MadeTopic {
  readonly parts: readonly (string | { readonly slot: number })[];
  readonly by: string;
  readonly known: Map<string, number>;
}

interface TableRule {
  readonly conditions: readonly SlotCondition[];
  readonly topic: number | MadeTopic;
}

export class TableRouter {
  /** The topic of every row; null where it depends on the row. */
  readonly only: number | null;
  /** Topics that it goes to whatever the rows hold. */
  readonly named: readonly number[];
  readonly #rules: readonly TableRule[];
  readonly #fallback: number;
  readonly #cells: RowCells;
  readonly #pool: TopicPool;

  /** Of rules that do not fit the table: those are left out. */
  constructor(schema: TableSchema, rules: readonly RoutingRule[], names: RoutingNames, pool: TopicPool) {
    const wanted: number[] = [];
    const compiled: TableRule[] = [];
    let isOver = false;
    for (const [i, rule] of rules.entries()) {
      if (isOver || !concerns(rule, schema)) continue;
      const { conditions, parts, problems } = compileRule(rule, schema, names);
      if (problems.length > 0) continue;
      const slots = slotsIn(wanted);
      compiled.push({
        conditions: conditions.map(({ column, holds }) => ({ slot: slots(column), holds })),
        topic: compiledTopic(parts, { slots, pool, by: `rule ${i + 1} for ${formatTableId(schema.id)}` }),
      });
      // What stands behind a rule that always holds is never asked.
      isOver = conditions.length === 0;
    }
    this.#pool = pool;
    this.#rules = compiled;
    this.#fallback = isOver ? -1 : pool.named(tableTopic(names.topic, names.source, schema.id));
    this.#cells = new RowCells(schema, wanted);
    const first = compiled[0];
    const always = first?.conditions.length === 0 ? first.topic : this.#fallback;
    this.only =
      (first === undefined || first.conditions.length === 0) && typeof always === "number" ? always : null;
    this.named = [...compiled.map(({ topic }) => topic), this.#fallback].filter(
      (topic): topic is number => typeof topic === "number" && topic >= 0,
    );
  }

  /**
   * The topic of the row that begins at `at` and ends before `to`.
   * @throws SyncError KAFKA_ROUTING when its values cannot make one
   */
  route(bytes: Uint8Array, at: number, to: number): number {
    const cells = this.#cells;
    cells.find(bytes, at, to);
    for (const { conditions, topic } of this.#rules) {
      let holds = true;
      for (let i = 0; i < conditions.length && holds; i++) {
        const condition = conditions[i] as SlotCondition;
        const { slot } = condition;
        holds = condition.holds(bytes, cells.start[slot] as number, cells.end[slot] as number);
      }
      if (holds) return typeof topic === "number" ? topic : this.#made(topic, bytes);
    }
    return this.#fallback;
  }

  #made({ parts, by, known }: MadeTopic, bytes: Uint8Array): number {
    const { start, end } = this.#cells;
    let key = "";
    for (const part of parts) {
      if (typeof part === "string") continue;
      const from = start[part.slot] as number;
      const length = (end[part.slot] as number) - from;
      // A cell holds no control character, so this parts two of them.
      key += `${Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString("latin1")}\n`;
    }
    const topic = known.get(key);
    if (topic !== undefined) return topic;
    const name = parts.map((part) =>
      typeof part === "string"
        ? part
        : valueInTopic(cellText(bytes, start[part.slot] as number, end[part.slot] as number)),
    );
    const made = this.#pool.made(fittingName(name.join("")), by);
    known.set(key, made);
    return made;
  }
}

/** Gives each column that is asked for a place, the same one each time. */
const slotsIn =
  (wanted: number[]) =>
  (column: number): number => {
    const known = wanted.indexOf(column);
    return known >= 0 ? known : wanted.push(column) - 1;
  };

function compiledTopic(
  parts: readonly (string | { readonly column: number })[],
  {
    slots,
    pool,
    by,
  }: { readonly slots: (column: number) => number; readonly pool: TopicPool; readonly by: string },
): number | MadeTopic {
  if (parts.every((part) => typeof part === "string")) return pool.named(parts.join(""));
  return {
    parts: parts.map((part) => (typeof part === "string" ? part : { slot: slots(part.column) })),
    by,
    known: new Map(),
  };
}

const concerns = ({ tables }: RoutingRule, { id }: TableSchema): boolean =>
  tables.some((pattern) => matchesTable(pattern, id));

interface CompiledRule {
  readonly conditions: readonly { readonly column: number; readonly holds: Condition }[];
  /** Text and values that the topic is made of. */
  readonly parts: readonly (string | { readonly column: number })[];
  readonly problems: readonly string[];
}

function compileRule(rule: RoutingRule, schema: TableSchema, { source }: RoutingNames): CompiledRule {
  const problems: string[] = [];
  const indexOf = (name: string): number => {
    const index = schema.columns.findIndex((column) => column.name === name);
    if (index < 0) problems.push(missing(name, schema));
    return index;
  };
  const conditions: { column: number; holds: Condition }[] = [];
  for (const { column: name, test } of rule.where) {
    const index = indexOf(name);
    const column = schema.columns[index];
    if (column === undefined) continue;
    try {
      conditions.push({ column: index, holds: compileCondition(column, test) });
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      problems.push(`${formatTableId(schema.id)}.${name} ${error.message}`);
    }
  }
  const parts = templateParts(rule.topic);
  for (const name of templateColumns(rule.topic)) indexOf(name);
  if (problems.length > 0) return { conditions: [], parts: [], problems };
  const variables = tableVariables(source, schema.id);
  try {
    return { conditions, parts: filledIn(parts, variables, indexOf), problems };
  } catch (error) {
    return { conditions: [], parts: [], problems: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Where no value is needed the name is checked as a whole. */
function filledIn(
  parts: readonly TemplatePart[],
  variables: TopicVariables,
  indexOf: (column: string) => number,
): readonly (string | { readonly column: number })[] {
  const texts = parts.flatMap((part) => (part.kind === "column" ? [] : [part.text]));
  if (texts.length === parts.length) return [topicName(texts.join(""), variables)];
  return parts.map((part) =>
    part.kind === "column" ? { column: indexOf(part.name) } : filledTemplate(part.text, variables),
  );
}

function missing(name: string, { id, columns }: TableSchema): string {
  const meant = nearest(
    name,
    columns.map((column) => column.name),
  );
  return `${formatTableId(id)} has no column \`${name}\`${meant === null ? "" : `; did you mean \`${meant}\`?`}`;
}

const HINT = "correct channel.kafka.routing, or the table patterns of that rule";

/** What is wrong with rules for these tables, each with its number in the config. */
export function routingProblems(
  rules: readonly RoutingRule[],
  schemas: readonly TableSchema[],
  names: RoutingNames & { readonly positionTopic: string },
  known = new TopicPool(names.positionTopic),
): readonly Problem[] {
  // Those of the tables and of the rules together; `known` has what was written to already.
  const pool = new TopicPool(names.positionTopic);
  for (const { id } of schemas) {
    const name = tableTopic(names.topic, names.source, id);
    if (pool.conflict(name) === null) pool.named(name);
  }
  const problems: Problem[] = [];
  rules.forEach((rule, i) => {
    const add = (severity: Problem["severity"], message: string, table: Problem["table"]): void => {
      problems.push({
        severity,
        code: "KAFKA_ROUTING",
        table,
        message: `rule ${i + 1} of channel.kafka.routing: ${message}`,
        hint: HINT,
      });
    };
    const concerned = schemas.filter((schema) => concerns(rule, schema));
    if (concerned.length === 0) {
      add("warning", `no table is ${rule.tables.map(({ text }) => text).join(" or ")}`, null);
    }
    for (const schema of concerned) {
      const compiled = compileRule(rule, schema, names);
      for (const message of compiled.problems) add("error", message, schema.id);
      const texts = compiled.parts.filter((part) => typeof part === "string");
      if (compiled.problems.length > 0 || texts.length < compiled.parts.length) continue;
      const conflict = pool.conflict(texts.join("")) ?? known.conflict(texts.join(""));
      if (conflict === null) pool.named(texts.join(""));
      else add("error", conflict, schema.id);
    }
  });
  return problems;
}

/** @throws SyncError KAFKA_ROUTING with all that is wrong */
export function requireFitting(problems: readonly Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return;
  throw syncError("KAFKA_ROUTING", errors.map(({ message }) => message).join("; "), { hint: HINT });
}
