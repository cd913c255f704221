/**
 * Rules over time. A stage is a list of rules and the transactions up to which they hold; a transaction belongs to the
 * first stage that reaches as far as it. The stages stand in the plan record, so that a replay routes each transaction
 * as it was routed the first time, whatever the config says by then.
 */
import type { GtidSet } from "../../../types/gtid.ts";
import { sameRules, type RoutingRule } from "./rule.ts";

export interface RoutingStage {
  /** All transactions that are routed by the stage or by one before it; null for those to come. */
  readonly until: GtidSet | null;
  readonly rules: readonly RoutingRule[];
}

export const STAGES_MAX = 32;

/** The rules for what comes next. */
export const currentRules = (stages: readonly RoutingStage[]): readonly RoutingRule[] =>
  stages.at(-1)?.rules ?? [];

/** Without rules there is nothing to remember. */
export const firstStages = (rules: readonly RoutingRule[]): readonly RoutingStage[] =>
  rules.length === 0 ? [] : [{ until: null, rules }];

/** The stages with other rules behind these transactions; the same ones when the rules are the same. */
export function nextStages(
  stages: readonly RoutingStage[],
  rules: readonly RoutingRule[],
  until: GtidSet,
): readonly RoutingStage[] {
  const current = currentRules(stages);
  if (sameRules(current, rules)) return stages;
  const ended = stages.slice(0, -1);
  const before = ended.at(-1);
  // Rules that were replaced before any transaction came need not be remembered.
  if (before?.until?.includes(until) !== true) ended.push({ until, rules: current });
  return [...ended, { until: null, rules }];
}

/** Without those that no table will ask for again, and at most so many. */
export function keptStages(
  stages: readonly RoutingStage[],
  applied: readonly GtidSet[],
): { readonly stages: readonly RoutingStage[]; readonly lost: number } {
  const isOver = ({ until }: RoutingStage): boolean =>
    until !== null && applied.every((gtids) => gtids.includes(until));
  const asked = stages.slice(stages.findIndex((stage) => !isOver(stage)));
  const lost = Math.max(0, asked.length - STAGES_MAX);
  const kept = asked.slice(lost);
  return { stages: kept.length === 1 && currentRules(kept).length === 0 ? [] : kept, lost };
}

export const sameStages = (a: readonly RoutingStage[], b: readonly RoutingStage[]): boolean =>
  a.length === b.length &&
  a.every(({ until, rules }, i) => {
    const other = b[i] as RoutingStage;
    return until?.toString() === other.until?.toString() && sameRules(rules, other.rules);
  });
