/**
 * Which topic a change goes to: the first rule that holds for its row says so. A rule is kept as it was written, so
 * that the position record can hold it and a replay reads the same; what it means for a table is found out when the
 * table's columns are known (`table-router.ts`).
 */
import { z } from "zod";
import { parseTablePattern, type TablePattern } from "../../../types/table-pattern.ts";

/** As it was written: a number for columns of numbers, a text for all others. */
export type RuleValue = string | number;

export interface RuleBound {
  readonly value: RuleValue;
  readonly isInclusive: boolean;
}

export type ColumnTest =
  /** NULL is equal to NULL here, and to nothing else. */
  | { readonly kind: "in"; readonly values: readonly (RuleValue | null)[] }
  | { readonly kind: "range"; readonly low: RuleBound | null; readonly high: RuleBound | null };

export interface RuleCondition {
  readonly column: string;
  readonly test: ColumnTest;
}

export interface RoutingRule {
  readonly tables: readonly TablePattern[];
  /** All of them must hold; of a table that is deleted from, for the row as it was. */
  readonly where: readonly RuleCondition[];
  /** Template with {source}, {database}, {table} and {column:name}. */
  readonly topic: string;
}

const value = z.union([z.string(), z.number()]);
const bound = z.tuple([value, z.boolean()]).nullable();

const testJson = z.union([
  z.strictObject({ in: z.array(value.nullable()) }),
  z.strictObject({ low: bound, high: bound }),
]);

/** Conditions are a list of pairs: a column may have any name. */
export const ruleJson = z.strictObject({
  tables: z.array(z.string()),
  where: z.array(z.tuple([z.string(), testJson])),
  topic: z.string(),
});

export type RuleJson = z.infer<typeof ruleJson>;

export const encodeRule = ({ tables, where, topic }: RoutingRule): RuleJson => ({
  tables: tables.map(({ text }) => text),
  where: where.map(({ column, test }) => [column, encodeTest(test)]),
  topic,
});

const encodeTest = (test: ColumnTest): RuleJson["where"][number][1] =>
  test.kind === "in"
    ? { in: [...test.values] }
    : { low: encodeBound(test.low), high: encodeBound(test.high) };

const encodeBound = (bound: RuleBound | null): [RuleValue, boolean] | null =>
  bound === null ? null : [bound.value, bound.isInclusive];

/** @throws RangeError when a table pattern is none */
export const decodeRule = ({ tables, where, topic }: RuleJson): RoutingRule => ({
  tables: tables.map(parseTablePattern),
  where: where.map(([column, test]) => ({
    column,
    test:
      "in" in test
        ? { kind: "in", values: test.in }
        : { kind: "range", low: decodeBound(test.low), high: decodeBound(test.high) },
  })),
  topic,
});

const decodeBound = (bound: readonly [RuleValue, boolean] | null): RuleBound | null =>
  bound === null ? null : { value: bound[0], isInclusive: bound[1] };

export const sameRules = (a: readonly RoutingRule[], b: readonly RoutingRule[]): boolean =>
  JSON.stringify(a.map(encodeRule)) === JSON.stringify(b.map(encodeRule));
