import { describe, expect, test } from "vitest";
import {
  namedTopics,
  requireDistinct,
  tableTopic,
  topicName,
} from "../../../../src/channel/kafka/topic-name.ts";

const TEMPLATE = "{source}.{database}.{table}";

describe("topic names", () => {
  test("a template is filled in, and what Kafka forbids is written by its bytes", () => {
    expect(tableTopic(TEMPLATE, "shop", { database: "crm", table: "customer" })).toBe("shop.crm.customer");
    expect(tableTopic(TEMPLATE, "db:3306", { database: "a b", table: "größe_🐬" })).toBe(
      "db_x3a3306.a_x20b.gr_xc3b6_xc39fe__xf09f90ac",
    );
  });

  test("a variable that there is not is refused, with those that there are", () => {
    expect(() => tableTopic("{schema}.{table}", "s", { database: "d", table: "t" })).toThrow(
      "{schema} has no meaning in the topic {schema}.{table}; there are {source}, {database}, {table}",
    );
  });

  test.each([
    ["", {}],
    [".", {}],
    ["..", {}],
    ["a/b", {}],
    ["x".repeat(250), {}],
  ])("%j is no name", (template, variables) => {
    expect(() => topicName(template, variables)).toThrow("is no name of a Kafka topic");
  });

  test("two tables that would share a topic are refused, also where only a dot differs from an underscore", () => {
    const tables = [
      { database: "a.b", table: "c" },
      { database: "a", table: "b.c" },
    ];
    expect(() => requireDistinct(namedTopics(TEMPLATE, "s", tables))).not.toThrow();
    expect(() =>
      requireDistinct(
        namedTopics(TEMPLATE, "s", [
          { database: "a_b", table: "c" },
          { database: "a", table: "b_c" },
        ]),
      ),
    ).toThrow("a_b.c and a.b_c would share the topic s.a.b_c");
  });
});
