/** The shape of `channel.kafka.routing`: what a rule looks like in the file, and the rule that it is. */
import { z } from "zod";
import type {
  ColumnTest,
  RoutingRule,
  RuleBound,
  RuleCondition,
  RuleValue,
} from "../channel/kafka/routing/rule.ts";
import { TABLE_VARIABLES, templateColumns } from "../channel/kafka/routing/template.ts";
import { topicTemplate } from "./channel-value.ts";
import { described, holdsReference, report, tablePattern } from "./config-value.ts";

const RULES_MAX = 1000;
const VALUES_MAX = 1000;
/** A decimal number of so many digits is the same again when a double has held it. */
const DIGITS_MAX = 15;
const BOUNDS = ["min", "above", "max", "below"] as const;

/** Conditions by column. The values may have several shapes, so a mistake is told here, at its own place. */
type Fail = (path: readonly PropertyKey[], message: string) => null;

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null when it is none. */
function parseValue(value: unknown, path: readonly PropertyKey[], fail: Fail): RuleValue | null {
  if (typeof value === "string") {
    return holdsReference(value)
      ? fail(path, "cannot be a reference; it is text that rows are compared with")
      : value;
  }
  if (typeof value === "boolean")
    return fail(path, "is true or false; MySQL has 1 and 0, or put the text in quotes");
  if (typeof value !== "number" || !Number.isFinite(value)) return fail(path, "must be text or a number");
  return isAsWritten(value) ? value : fail(path, "holds more digits than a number keeps; put it in quotes");
}

/** A number must be the one that stands in the file: YAML makes a double of it. */
function isAsWritten(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value);
  const digits = String(value).replace(/e.*$/, "").replaceAll(/^-|\./g, "").replace(/^0+/, "");
  return digits.length <= DIGITS_MAX;
}

function parseTest(value: unknown, path: readonly PropertyKey[], fail: Fail): ColumnTest | null {
  if (isMap(value)) return parseRange(value, path, fail);
  const isList = Array.isArray(value);
  const values: readonly unknown[] = isList ? value : [value];
  if (values.length === 0 || values.length > VALUES_MAX) {
    return fail(path, `must have between 1 and ${VALUES_MAX} values`);
  }
  const parsed = values.map((one, i) =>
    one === null ? null : parseValue(one, isList ? [...path, i] : path, fail),
  );
  return { kind: "in", values: parsed };
}

function parseRange(
  given: Readonly<Record<string, unknown>>,
  path: readonly PropertyKey[],
  fail: Fail,
): ColumnTest | null {
  for (const key of Object.keys(given)) {
    if (!BOUNDS.some((bound) => bound === key)) fail([...path, key], `must be one of ${BOUNDS.join(", ")}`);
  }
  const bound = (inclusive: "min" | "max", exclusive: "above" | "below"): RuleBound | null => {
    if (given[inclusive] !== undefined && given[exclusive] !== undefined) {
      fail(path, `holds ${inclusive} and ${exclusive}; leave one of them out`);
    }
    const key = given[inclusive] === undefined ? exclusive : inclusive;
    const value = given[key] === undefined ? null : parseValue(given[key], [...path, key], fail);
    return value === null ? null : { value, isInclusive: key === inclusive };
  };
  if (Object.keys(given).length === 0) return fail(path, `must hold one of ${BOUNDS.join(", ")}`);
  return { kind: "range", low: bound("min", "above"), high: bound("max", "below") };
}

const VALUE_SCHEMA = { type: ["string", "number", "null"] };
const BOUND_SCHEMA = { type: ["string", "number"] };
const WHERE_SCHEMA = {
  type: "object",
  additionalProperties: {
    anyOf: [
      VALUE_SCHEMA,
      { type: "array", minItems: 1, maxItems: VALUES_MAX, items: VALUE_SCHEMA },
      {
        type: "object",
        minProperties: 1,
        additionalProperties: false,
        properties: {
          min: { ...BOUND_SCHEMA, description: "The least value that the row may have." },
          above: { ...BOUND_SCHEMA, description: "The row must have more." },
          max: { ...BOUND_SCHEMA, description: "The greatest value that the row may have." },
          below: { ...BOUND_SCHEMA, description: "The row must have less." },
        },
      },
    ],
  },
};

const where = () =>
  z
    .unknown()
    .meta(WHERE_SCHEMA)
    .transform((given, issues): readonly RuleCondition[] => {
      if (!isMap(given)) return report(issues, "must be a map of columns and what they must hold");
      const fail: Fail = (path, message) => {
        issues.addIssue({ code: "custom", message, path: [...path], params: { code: "CONFIG_INVALID" } });
        return null;
      };
      return Object.entries(given).flatMap(([column, value]) => {
        const test = parseTest(value, [column], fail);
        return test === null ? [] : [{ column, test }];
      });
    });

/** Which columns there are is known when the tables are. */
const template = () =>
  z
    .string()
    .min(1)
    .transform((given, issues) => {
      const plain = templateColumns(given).reduce(
        (rest, name) => rest.replaceAll(`{column:${name}}`, "{table}"),
        given,
      );
      const checked = topicTemplate([...TABLE_VARIABLES, "column:name"], []).safeParse(plain);
      if (checked.success) return given;
      for (const { message } of checked.error.issues) report(issues, message);
      return z.NEVER;
    });

const rule = () =>
  z
    .strictObject({
      tables: z
        .array(tablePattern())
        .min(1)
        .meta(described("Tables that the rule is for, as in `tables`.", ["shop.orders"])),
      where: where()
        .optional()
        .meta(
          described(
            "Conditions on columns, which must all hold for the row (of a delete: as it was): a value, a list of values, or a map with min, above, max and below; null is NULL.",
            { status: ["new", "paid"], amount: { min: 10, below: 100 } },
          ),
        ),
      topic: template().meta(
        described(
          "Topic of rows for which it holds, with {source}, {database}, {table} and {column:name}.",
          "{source}.{table}.{column:region}",
        ),
      ),
    })
    .transform(({ tables, where: conditions, topic }): RoutingRule => ({
      tables,
      where: conditions ?? [],
      topic,
    }));

export const routing = () =>
  z
    .array(rule())
    .max(RULES_MAX)
    .default([])
    .meta(
      described(
        "Rules by which changes go to other topics than `topic`: the first one that holds. Changed rules apply without a restart.",
        [{ tables: ["shop.orders"], where: { status: "paid" }, topic: "{source}.orders.paid" }],
      ),
    );
