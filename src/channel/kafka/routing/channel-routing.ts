import type { GtidSet } from "../../../types/gtid.ts";
import type { SourcePosition } from "../../../types/source-position.ts";
import type { TableSchema } from "../../../types/table-schema.ts";
import type { Log } from "../../../util/log.ts";
import type { RetainedUnit } from "../position-log.ts";
import { BatchRouter } from "./batch-router.ts";
import type { RoutingChange } from "./planned-routing.ts";
import type { RoutingRule } from "./rule.ts";
import { firstStages, keptStages, nextStages, type RoutingStage } from "./stages.ts";
import { requireFitting, routingProblems, type RoutingNames } from "./table-router.ts";
import { TopicPool } from "./topic-pool.ts";

export interface ChannelRoutingOptions {
  readonly names: RoutingNames & { readonly positionTopic: string };
  readonly epoch: number;
  readonly schemas: readonly TableSchema[];
  /** Where the tables stand, each. */
  readonly applied: readonly GtidSet[];
  readonly rules: readonly RoutingRule[];
  readonly log: Log;
}

/** The rules of a channel, and what of the ones before is still to be remembered. */
export class ChannelRouting {
  readonly #options: ChannelRoutingOptions;
  readonly #pool: TopicPool;
  #rules: readonly RoutingRule[];

  constructor(options: ChannelRoutingOptions) {
    this.#options = options;
    this.#pool = new TopicPool(options.names.positionTopic);
    this.#rules = options.rules;
  }

  get rules(): readonly RoutingRule[] {
    return this.#rules;
  }

  /** @throws SyncError KAFKA_ROUTING when they do not fit the tables; the rules before stay then */
  replace(rules: readonly RoutingRule[]): void {
    this.requireFitting(rules);
    this.#rules = rules;
  }

  /** @throws SyncError KAFKA_ROUTING */
  requireFitting(rules: readonly RoutingRule[]): void {
    const { names, schemas, log } = this.#options;
    const problems = routingProblems(rules, schemas, names, this.#pool);
    requireFitting(problems);
    for (const { message, hint, code } of problems) log.warn(message, { code, remedy: hint });
  }

  /** For one writer; topics that values have made count for all of them together. */
  router(): BatchRouter {
    return new BatchRouter(this.#options.names, this.#pool);
  }

  /**
   * The stages of a new plan: those of the newest unit, parts included, and the rules in force behind `head`, which is
   * the newest one that ends at a position.
   */
  stages(head: RetainedUnit | null, newest: RetainedUnit | null): readonly RoutingStage[] {
    const { names, epoch, applied } = this.#options;
    const plan = newest?.plan;
    const end = head?.unit.end;
    const isOurs = plan?.source === names.source && plan.epoch === epoch;
    if (!isOurs || end === null || end === undefined) return firstStages(this.#rules);
    const stages = nextStages(plan.routing, this.#rules, end.position.gtids);
    const { stages: kept, lost } = keptStages(stages, applied);
    if (stages !== plan.routing) this.tell({ rules: this.#rules, from: end.position, lost });
    return kept;
  }

  tell({ rules, from, lost }: RoutingChange): void {
    const { log } = this.#options;
    log.info("changed routing rules apply", {
      rules: rules.length,
      behind: from.gtids.toString(),
      at: placeOf(from),
    });
    if (lost > 0) {
      log.warn("the oldest routing rules are not remembered any more", {
        stages: lost,
        remedy: "should capture have to begin so far back again, it routes by later ones",
      });
    }
  }
}

const placeOf = ({ file, offset }: SourcePosition): string => `${file}:${offset}`;
