import type { SourcePosition } from "../../../types/source-position.ts";
import type { PlanRecord, PublishedSnapshot } from "../position-record.ts";
import type { BatchRouter } from "./batch-router.ts";
import { currentRules, nextStages, STAGES_MAX } from "./stages.ts";
import { sameRules, type RoutingRule } from "./rule.ts";

export interface PlannedRoutingOptions {
  readonly plan: PlanRecord;
  /** Rules that are to hold as soon as they can. */
  readonly rules: readonly RoutingRule[];
  readonly router: BatchRouter;
  readonly from: SourcePosition;
  readonly newId: () => string;
  /** Other rules hold behind a position. */
  readonly onChange: (change: RoutingChange) => void;
}

export interface RoutingChange {
  readonly rules: readonly RoutingRule[];
  readonly from: SourcePosition;
  /** Stages that are not remembered any more. */
  readonly lost: number;
}

/**
 * The plan in force with its rules, and those that wait for a place between two transactions: the plan that is written
 * with the next unit says from where on they hold.
 */
export class PlannedRouting {
  readonly router: BatchRouter;
  readonly #options: PlannedRoutingOptions;
  #plan: PlanRecord;
  #wanted: readonly RoutingRule[] | null;

  constructor(options: PlannedRoutingOptions) {
    const { plan, rules, router, from } = options;
    this.#options = options;
    this.router = router;
    this.#plan = plan;
    this.#wanted = sameRules(rules, currentRules(plan.routing)) ? null : rules;
    router.use(plan.routing, from.gtids);
  }

  get plan(): PlanRecord {
    return this.#plan;
  }

  /** There is a new plan: snapshots are published further. */
  published(snapshots: readonly PublishedSnapshot[]): void {
    this.#plan = { ...this.#plan, id: this.#options.newId(), snapshots };
  }

  want(rules: readonly RoutingRule[]): void {
    this.#wanted = rules;
  }

  /** To be called between two transactions, at this position. Whether there is a new plan. */
  turnOver({ from }: { readonly from: SourcePosition }): boolean {
    const rules = this.#wanted;
    this.#wanted = null;
    const { routing } = this.#plan;
    const stages = rules === null ? routing : nextStages(routing, rules, from.gtids);
    if (rules === null || stages === routing) return false;
    const kept = stages.slice(-STAGES_MAX);
    const { router, newId, onChange } = this.#options;
    this.#plan = { ...this.#plan, id: newId(), routing: kept };
    router.use(kept, from.gtids);
    onChange({ rules, from, lost: stages.length - kept.length });
    return true;
  }
}
