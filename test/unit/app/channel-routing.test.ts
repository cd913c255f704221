import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { printConfig } from "../../../src/app/config-print.ts";
import { sameRules } from "../../../src/channel/kafka/routing/rule.ts";
import { configProblems, MINIMAL_CONFIG, parseConfigText } from "../../support/config-text.ts";
import { between, oneOf, ruleOf } from "../../support/routing.ts";

const textOf = (routing: string): string =>
  `${MINIMAL_CONFIG}channel:\n  kafka:\n    brokers: [k:9092]\n    routing:\n${routing}`;
const rulesOf = (routing: string) => parseConfigText(textOf(routing)).channel?.routing ?? [];

const EVERY = `
      - tables: [shop.orders]
        where: {status: paid}
        topic: "{source}.orders.paid"
      - tables: ["shop.*"]
        where: {status: [new, "007", null], amount: {min: 10, below: 99.5}, big: {above: "12345678901234567890"}, gone: null}
        topic: "{source}.{database}.{table}.{column:region of it}"
      - {tables: [shop.a, shop.b], topic: rest}
`;

describe("routing rules in the config", () => {
  test("every form of a condition, and no rules without the key", () => {
    const [first, second, third] = rulesOf(EVERY);
    expect(
      sameRules(
        [first, second].flatMap((rule) => rule ?? []),
        [
          ruleOf("shop.orders", { status: oneOf("paid") }, "{source}.orders.paid"),
          ruleOf(
            "shop.*",
            {
              status: oneOf("new", "007", null),
              amount: between([10, true], [99.5, false]),
              big: between(["12345678901234567890", false], null),
              gone: oneOf(null),
            },
            "{source}.{database}.{table}.{column:region of it}",
          ),
        ],
      ),
    ).toBe(true);
    expect([third?.tables.map(({ text }) => text), third?.where, third?.topic]).toEqual([
      ["shop.a", "shop.b"],
      [],
      "rest",
    ]);
    expect(
      parseConfigText(`${MINIMAL_CONFIG}channel: {kafka: {brokers: [k:9092]}}\n`).channel?.routing,
    ).toEqual([]);
  });

  test("as they are printed they read the same again", () => {
    const config = parseConfigText(textOf(EVERY));
    const { channel } = parse(printConfig(config)) as { channel: { kafka: { routing: unknown } } };
    const again = rulesOf(`      ${JSON.stringify(channel.kafka.routing)}\n`);
    expect(sameRules(again, config.channel?.routing ?? [])).toBe(true);
  });

  test("a column may have any name", () => {
    const [rule] = rulesOf('      - {tables: [a.b], where: {"__proto__": 1, "a.b c": 2}, topic: t}\n');
    expect(rule?.where.map(({ column }) => column)).toEqual(["__proto__", "a.b c"]);
  });

  test("all mistakes at once, each at its place", () => {
    const text = textOf(`
      - tables: [shop]
        where: {a: true, b: {mim: 1}, c: {min: 1, above: 2}, d: [], e: {}, f: 12345678901234567890, g: [[1]]}
        topic: "{colum:x}"
      - {tables: [], topic: a b, were: {}}
      - {topic: t}
`);
    expect(configProblems(text)).toEqual([
      "9:18: `channel.kafka.routing[0].tables[0]` is no table pattern: it must be `database.table`, such as `shop.*`",
      "10:20: `channel.kafka.routing[0].where.a` is true or false; MySQL has 1 and 0, or put the text in quotes",
      "10:35: `channel.kafka.routing[0].where.b.mim` must be one of min, above, max, below",
      "10:42: `channel.kafka.routing[0].where.c` holds min and above; leave one of them out",
      "10:65: `channel.kafka.routing[0].where.d` must have between 1 and 1000 values",
      "10:72: `channel.kafka.routing[0].where.e` must hold one of min, above, max, below",
      "10:79: `channel.kafka.routing[0].where.f` holds more digits than a number keeps; put it in quotes",
      "10:105: `channel.kafka.routing[0].where.g[0]` must be text or a number",
      "11:16: `channel.kafka.routing[0].topic` holds `{colum:x}`, which has no meaning; known here: {source}, {database}, {table} and {column:name}",
      "12:18: `channel.kafka.routing[1].tables` must have at least one entry",
      "12:29: `channel.kafka.routing[1].topic` must be letters, digits, dots, dashes and underscores beside {source}, {database}, {table} and {column:name}",
      "12:34: unknown key `channel.kafka.routing.were`; did you mean `channel.kafka.routing.where`?",
      '13:9: `channel.kafka.routing[2].tables` is missing; for example `tables: ["shop.orders"]`',
    ]);
  });

  test.each([
    ["0.1", true],
    ["-123456789012.345", true],
    ["1e-7", true],
    ["9007199254740991", true],
    ["9007199254740993", false],
    ["0.12345678901234567", false],
    [".nan", false],
    [".inf", false],
  ])("the number %s is taken as it is written: %s", (number, isTaken) => {
    const text = textOf(`      - {tables: [a.b], where: {a: ${number}}, topic: t}\n`);
    if (isTaken)
      expect(parseConfigText(text).channel?.routing[0]?.where[0]?.test).toEqual(oneOf(Number(number)));
    else expect(configProblems(text)).toHaveLength(1);
  });
});
