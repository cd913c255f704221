import type { ColumnTest, RoutingRule, RuleValue } from "../../src/channel/kafka/routing/rule.ts";
import { schemaVersion } from "../../src/types/schema-version.ts";
import { parseTablePattern } from "../../src/types/table-pattern.ts";
import type { Column, ColumnType, TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";

/** Rules and tables for tests of routing. */
export const column = (name: string, type: ColumnType): Column => ({ name, type, mysqlType: type.kind });

export const VARCHAR: ColumnType = { kind: "text", form: "varchar", charset: "utf8mb4" };
export const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };

/** A table whose key is its first column. */
export function tableOf(table: string, columns: readonly Column[]): TableSchema {
  const primaryKey = [must(columns[0], "a column").name];
  return {
    id: { database: "shop", table },
    columns,
    primaryKey,
    version: schemaVersion(columns, primaryKey),
  };
}

export const oneOf = (...values: readonly (RuleValue | null)[]): ColumnTest => ({ kind: "in", values });

export const between = (
  low: readonly [RuleValue, boolean] | null,
  high: readonly [RuleValue, boolean] | null,
): ColumnTest => ({
  kind: "range",
  low: low === null ? null : { value: low[0], isInclusive: low[1] },
  high: high === null ? null : { value: high[0], isInclusive: high[1] },
});

export const ruleOf = (
  tables: string,
  where: Readonly<Record<string, ColumnTest>>,
  topic: string,
): RoutingRule => ({
  tables: [parseTablePattern(tables)],
  where: Object.entries(where).map(([name, test]) => ({ column: name, test })),
  topic,
});
