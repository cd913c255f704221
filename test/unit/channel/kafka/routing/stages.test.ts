import { describe, expect, test } from "vitest";
import {
  decodePositionRecord,
  encodePositionRecord,
} from "../../../../../src/channel/kafka/position-record.ts";
import {
  currentRules,
  firstStages,
  keptStages,
  nextStages,
  sameStages,
  STAGES_MAX,
  type RoutingStage,
} from "../../../../../src/channel/kafka/routing/stages.ts";
import { gtidsTo, planOf } from "../../../../support/channel-chain.ts";
import { between, oneOf, ruleOf } from "../../../../support/routing.ts";

const rules = (topic: string): readonly [ReturnType<typeof ruleOf>] => [ruleOf("shop.*", {}, topic)];
const shown = (stages: readonly RoutingStage[]): string =>
  stages
    .map(({ until, rules: list }) => `${list.map(({ topic }) => topic).join("+")}<${until?.size ?? "…"}`)
    .join(" ");

describe("rules over time", () => {
  test("new rules begin behind a position, and the ones before are remembered up to there", () => {
    const first = nextStages(firstStages([]), rules("a"), gtidsTo(3));
    expect(shown(first)).toBe("<3 a<…");
    const second = nextStages(first, rules("b"), gtidsTo(7));
    expect(shown(second)).toBe("<3 a<7 b<…");
    expect(shown(nextStages(second, [], gtidsTo(9)))).toBe("<3 a<7 b<9 <…");
    expect(currentRules(second)).toEqual(rules("b"));
  });

  test("the same rules change nothing", () => {
    const stages = nextStages(firstStages(rules("a")), rules("b"), gtidsTo(3));
    expect(nextStages(stages, rules("b"), gtidsTo(9))).toBe(stages);
    expect(nextStages([], [], gtidsTo(9))).toEqual([]);
  });

  test("rules that were replaced before a transaction came leave nothing behind", () => {
    const stages = nextStages(firstStages(rules("a")), rules("b"), gtidsTo(3));
    expect(shown(nextStages(stages, rules("c"), gtidsTo(3)))).toBe("a<3 c<…");
    // Capture that begins anew further back is still inside what was routed by the first ones.
    expect(shown(nextStages(stages, rules("c"), gtidsTo(2)))).toBe("a<3 c<…");
  });

  test("stages that every table is behind are forgotten, and those that one may ask for are not", () => {
    const stages = nextStages(nextStages(firstStages(rules("a")), rules("b"), gtidsTo(3)), [], gtidsTo(6));
    const kept = (...applied: readonly number[]): string =>
      shown(keptStages(stages, applied.map(gtidsTo)).stages);
    expect(kept(2, 9)).toBe("a<3 b<6 <…");
    expect(kept(3, 9)).toBe("b<6 <…");
    expect(kept(5, 5)).toBe("b<6 <…");
    // There is nothing to remember of no rules.
    expect(kept(6, 7)).toBe("");
  });

  test("more than there may be lose the oldest, which is said", () => {
    let stages: readonly RoutingStage[] = firstStages(rules("0"));
    for (let i = 1; i <= STAGES_MAX + 4; i++) stages = nextStages(stages, rules(String(i)), gtidsTo(i));
    const kept = keptStages(stages, [gtidsTo(0)]);
    expect([kept.stages.length, kept.lost]).toEqual([STAGES_MAX, 5]);
    expect(currentRules(kept.stages)).toEqual(rules(String(STAGES_MAX + 4)));
  });
});

describe("the plan record", () => {
  const at = { topic: "p", offset: 0 };

  test("holds rules as they were, to the last value", () => {
    const where = {
      status: oneOf("new", null, "007", 7),
      amount: between([0.1, true], ["12345678901234567890.5", false]),
      ["__proto__"]: between(null, ["z", true]),
    };
    const routing = [
      { until: gtidsTo(7), rules: [ruleOf("/shop_\\d+\\.o/i", where, "{source}.{column:a b}")] },
      { until: null, rules: [] },
    ];
    const plan = planOf(["a"], { routing });
    const read = decodePositionRecord(encodePositionRecord(plan), at);
    expect(read.kind === "plan" && sameStages(read.routing, routing)).toBe(true);
    expect(encodePositionRecord(read)).toBe(encodePositionRecord(plan));
  });

  test("without rules is what older versions wrote and read", () => {
    const text = encodePositionRecord(planOf(["a"]));
    expect(text).not.toContain("routing");
    expect(decodePositionRecord(text, at)).toEqual(planOf(["a"]));
  });
});
