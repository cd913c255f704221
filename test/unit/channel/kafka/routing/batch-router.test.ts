import { describe, expect, test } from "vitest";
import { partitionRows } from "../../../../../src/channel/kafka/partitioner.ts";
import { BatchRouter } from "../../../../../src/channel/kafka/routing/batch-router.ts";
import type { RoutingRule } from "../../../../../src/channel/kafka/routing/rule.ts";
import type { RoutingStage } from "../../../../../src/channel/kafka/routing/stages.ts";
import { routingProblems } from "../../../../../src/channel/kafka/routing/table-router.ts";
import { TopicPool } from "../../../../../src/channel/kafka/routing/topic-pool.ts";
import type { ChangeBatch, RowRecords } from "../../../../../src/types/change-batch.ts";
import { GtidSet } from "../../../../../src/types/gtid.ts";
import type { TableSchema } from "../../../../../src/types/table-schema.ts";
import { gtidsTo } from "../../../../support/channel-chain.ts";
import { routedBatch, type RowChange } from "../../../../support/routed-batch.ts";
import { between, column, INT, oneOf, ruleOf, tableOf, VARCHAR } from "../../../../support/routing.ts";

const ORDERS = tableOf("orders", [
  column("id", INT),
  column("note", VARCHAR),
  column("status", VARCHAR),
  column("amount", { kind: "decimal", precision: 10, scale: 2 }),
  column("region", VARCHAR),
]);
const NAMES = { source: "s", topic: "{source}.{table}", positionTopic: "s.positions" };

const recordsOf = ({ rows }: ChangeBatch): RowRecords => {
  if (rows.form !== "records") throw new Error(rows.form);
  return rows;
};

function routerOf(
  stages: readonly RoutingStage[] | readonly RoutingRule[],
  from = GtidSet.empty,
  pool = new TopicPool(NAMES.positionTopic),
): BatchRouter {
  const router = new BatchRouter(NAMES, pool);
  const isStage = (one: RoutingStage | RoutingRule): one is RoutingStage => "rules" in one;
  const all = stages.every(isStage) ? stages : [{ until: null, rules: stages }];
  router.use(all, from);
  return router;
}

/** The topic of each row. */
function topicsOf(
  router: BatchRouter,
  changes: readonly RowChange[],
  schema: TableSchema = ORDERS,
): string[] {
  const batch = routedBatch(schema, changes);
  const { topics, ofRow } = router.route(batch, recordsOf(batch));
  return changes.map((_change, i) => topics[ofRow?.[i] ?? 0] ?? "");
}

const order = (row: RowChange["row"], more: Partial<RowChange> = {}): RowChange => ({
  op: "c",
  gtid: 1,
  row: { id: 1, note: '","status":"paid', status: "new", amount: "5.00", region: "eu", ...row },
  ...more,
});

describe("which rule holds", () => {
  const rules = [
    ruleOf("shop.orders", { status: oneOf("paid") }, "{source}.paid"),
    ruleOf(
      "shop.*",
      { status: oneOf("new", "shipped"), amount: between([10, true], [100, false]) },
      "{source}.{table}.large",
    ),
    ruleOf("shop.orders", { region: oneOf(null) }, "nowhere"),
  ];

  test("the first one; all of its conditions must hold; without one the table's own topic", () => {
    const rows = [
      order({ status: "paid", amount: "50.00" }),
      order({ amount: "10" }),
      order({ amount: "99.99" }),
      order({ amount: "100.00" }),
      order({ status: "void", amount: "50.00" }),
      order({ region: null }),
      order({ status: null }),
    ];
    expect(topicsOf(routerOf(rules), rows)).toEqual([
      "s.paid",
      "s.orders.large",
      "s.orders.large",
      "s.orders",
      "s.orders",
      "nowhere",
      "s.orders",
    ]);
  });

  test("of an update the row behind it counts, of a delete the one before it", () => {
    const rows = [
      order(
        { status: "paid" },
        { op: "u", before: { id: 1, note: "x", status: "new", amount: "1", region: "eu" } },
      ),
      order(
        { status: "new" },
        { op: "u", before: { id: 1, note: "x", status: "paid", amount: "1", region: "eu" } },
      ),
      order({ status: "paid" }, { op: "d" }),
      order({ status: "new" }, { op: "d" }),
      order({ status: "paid" }, { op: "r" }),
    ];
    expect(topicsOf(routerOf(rules), rows)).toEqual(["s.paid", "s.orders", "s.paid", "s.orders", "s.paid"]);
  });

  test("a table that no rule is for, and one that a rule without conditions is for, are not looked into", () => {
    const users = tableOf("users", [column("id", INT)]);
    const router = routerOf([
      ruleOf("shop.users", {}, "all-{table}"),
      ruleOf("shop.orders", { status: oneOf("paid") }, "paid"),
    ]);
    const batch = routedBatch(users, [{ op: "c", gtid: 1, row: { id: 1 } }]);
    expect(router.route(batch, recordsOf(batch))).toEqual({ topics: ["all-users"], ofRow: null });
    const others = tableOf("others", [column("id", INT)]);
    const other = routedBatch(others, [{ op: "c", gtid: 1, row: { id: 1 } }]);
    expect(router.route(other, recordsOf(other))).toEqual({ topics: ["s.others"], ofRow: null });
  });

  test("what stands behind a rule without conditions is never asked", () => {
    const router = routerOf([
      ruleOf("shop.orders", { status: oneOf("paid") }, "paid"),
      ruleOf("shop.orders", {}, "rest"),
      ruleOf("shop.orders", { status: oneOf("new") }, "new"),
    ]);
    expect(topicsOf(router, [order({}), order({ status: "paid" })])).toEqual(["rest", "paid"]);
    expect(router.namedTopics(ORDERS)).toEqual(["paid", "rest"]);
  });
});

describe("values in the names of topics", () => {
  const router = (): BatchRouter => routerOf([ruleOf("shop.*", {}, "{source}.{column:region}.{column:id}")]);

  test("are escaped, NULL and the empty text have names, and each value has its own topic", () => {
    const rows = [
      order({ region: "eu" }),
      order({ region: "a.b_c/d é" }),
      order({ region: null }),
      order({ region: "" }),
      order({ region: '"\n' }),
      order({ region: "eu" }, { op: "d" }),
      order({ region: "eu", id: 2 }),
    ];
    expect(topicsOf(router(), rows)).toEqual([
      "s.eu.1",
      "s.a_x2eb_c_x2fd_x20_xc3a9.1",
      "s._null.1",
      "s._empty.1",
      "s._x22_x0a.1",
      "s.eu.1",
      "s.eu.2",
    ]);
  });

  test("that would make a name too long end with a hash of it, and stay apart", () => {
    const long = "x".repeat(300);
    const names = topicsOf(router(), [
      order({ region: long }),
      order({ region: `${long}y` }),
      order({ region: long }),
    ]);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^s\.x{230}_[0-9a-f]{16}$/);
    expect(names[0]).toBe(names[2]);
  });

  test("make at most 1000 topics, however many writers there were; those that are there still take rows", () => {
    const pool = new TopicPool(NAMES.positionTopic);
    const rules = [ruleOf("shop.*", {}, "t-{column:id}")];
    const rows = Array.from({ length: 1000 }, (_, id) => order({ id }));
    expect(new Set(topicsOf(routerOf(rules, GtidSet.empty, pool), rows)).size).toBe(1000);
    const next = routerOf(rules, GtidSet.empty, pool);
    expect(topicsOf(next, [order({ id: 999 })])).toEqual(["t-999"]);
    expect(() => topicsOf(next, [order({ id: 1000 })])).toThrow(
      "rule 1 for shop.orders would make the topic t-1000, and values have made 1000 topics already",
    );
  });

  test("that make the position topic, or one that differs from another in a dot, are refused", () => {
    const rules = [ruleOf("shop.*", {}, "{column:region}.{column:status}")];
    expect(() => topicsOf(routerOf(rules), [order({ region: "s", status: "positions" })])).toThrow(
      "the topic s.positions is the position topic",
    );
    const rows = [order({ region: "a_b", status: "c" }), order({ region: "a", status: "b_c" })];
    expect(() => topicsOf(routerOf(rules), rows)).toThrow(
      "the topics a_b.c and a.b_c differ only where one has a dot and the other an underscore",
    );
  });
});

describe("stages", () => {
  const stages = [
    { until: gtidsTo(3), rules: [ruleOf("shop.*", {}, "old")] },
    { until: gtidsTo(5), rules: [] },
    { until: null, rules: [ruleOf("shop.*", { status: oneOf("paid") }, "new-{column:region}")] },
  ];
  const rows = [1, 3, 4, 5, 6, 9].map((number) => order({ status: "paid" }, { gtid: number }));

  test("each transaction of a batch is routed by the first stage that reaches as far", () => {
    const expected = ["old", "old", "s.orders", "s.orders", "new-eu", "new-eu"];
    expect(topicsOf(routerOf(stages), rows)).toEqual(expected);
    // Behind a position nothing of it comes again, and its stages need not be there.
    expect(topicsOf(routerOf(stages, gtidsTo(3)), rows.slice(2))).toEqual(expected.slice(2));
    expect(topicsOf(routerOf(stages.slice(1), gtidsTo(3)), rows.slice(2))).toEqual(expected.slice(2));
  });

  test("a rule of a stage that does not fit the table any more is left out, and the others hold", () => {
    const before = [
      {
        until: null,
        rules: [
          ruleOf("shop.*", { gone: oneOf("x") }, "gone"),
          ruleOf("shop.*", { id: oneOf("x") }, "wrong"),
          ruleOf("shop.*", {}, "rest"),
        ],
      },
    ];
    expect(topicsOf(routerOf(before), [order({})])).toEqual(["rest"]);
  });
});

test("rows of a batch are parted by topic and then by key, and all are there once", () => {
  const changes = Array.from({ length: 200 }, (_, id) =>
    order({ id, status: id % 3 === 0 ? "paid" : "new" }),
  );
  const batch = routedBatch(ORDERS, changes);
  const routed = routerOf([ruleOf("shop.*", { status: oneOf("paid") }, "paid")]).route(
    batch,
    recordsOf(batch),
  );
  const parts = partitionRows(batch, recordsOf(batch), { routed, partitions: 3, tombstones: false });
  const unrouted = partitionRows(batch, recordsOf(batch), {
    routed: { topics: ["all"], ofRow: null },
    partitions: 3,
    tombstones: false,
  });
  const partitionOf = new Map(
    unrouted.flatMap(({ target, rows }) => [...rows].map((row) => [row, target.partition])),
  );
  expect(parts.map(({ target: { topic, partition } }) => `${topic}/${partition}`)).toEqual(
    ["paid", "s.orders"].flatMap((topic) => [0, 1, 2].map((partition) => `${topic}/${partition}`)),
  );
  const seen = parts.flatMap(({ target: { topic, partition }, rows, block }) => {
    expect(block.count).toBe(rows.length);
    return [...rows].map((row) => {
      expect(topic).toBe(row % 3 === 0 ? "paid" : "s.orders");
      expect(partition).toBe(partitionOf.get(row));
      return row;
    });
  });
  expect(seen.sort((a, b) => a - b)).toEqual(changes.map((_change, i) => i));
});

describe("what is wrong with rules", () => {
  const problemsOf = (...rules: readonly RoutingRule[]): string[] =>
    routingProblems(rules, [ORDERS, tableOf("users", [column("id", INT)])], NAMES).map(
      ({ severity, message }) => `${severity}: ${message}`,
    );

  test("columns that a table lacks, in conditions and in topics, and all of it at once", () => {
    expect(
      problemsOf(
        ruleOf("shop.orders", { stauts: oneOf("x"), id: oneOf("many") }, "t"),
        ruleOf("shop.*", {}, "t.{column:region}"),
        ruleOf("crm.*", {}, "t"),
      ),
    ).toEqual([
      "error: rule 1 of channel.kafka.routing: shop.orders has no column `stauts`; did you mean `status`?",
      'error: rule 1 of channel.kafka.routing: shop.orders.id has the type int, and "many" is no number',
      "error: rule 2 of channel.kafka.routing: shop.users has no column `region`",
      "warning: rule 3 of channel.kafka.routing: no table is crm.*",
    ]);
  });

  test("topics that cannot stand beside each other; several tables in one topic are meant", () => {
    expect(
      problemsOf(
        ruleOf("shop.orders", { id: oneOf(1) }, "s.positions"),
        ruleOf("shop.orders", { id: oneOf(2) }, "s_orders"),
        ruleOf("shop.*", { id: oneOf(3) }, "all.rows"),
        ruleOf("shop.users", { id: oneOf(4) }, "all_rows"),
        ruleOf("shop.users", {}, "{database}".repeat(80)),
      ),
    ).toEqual([
      "error: rule 1 of channel.kafka.routing: the topic s.positions is the position topic",
      "error: rule 2 of channel.kafka.routing: the topics s.orders and s_orders differ only where one has a dot and the other an underscore, which Kafka refuses",
      "error: rule 4 of channel.kafka.routing: the topics all.rows and all_rows differ only where one has a dot and the other an underscore, which Kafka refuses",
      expect.stringContaining("is no name of a Kafka topic"),
    ]);
  });
});
