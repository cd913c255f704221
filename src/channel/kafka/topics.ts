import { syncError } from "../../types/errors.ts";
import type { Problem } from "../../types/ports.ts";
import type { KafkaControl } from "../kafkajs/control.ts";
import { newTopic, topicProblems, type TopicSettings, type TopicWanted } from "./topic-settings.ts";
import type { TopicMetadata } from "./messages.ts";

/** The topics of a pipeline: made when they are not there, checked when they are, and then watched. */
export class Topics {
  readonly #control: KafkaControl;
  readonly #settings: TopicSettings;
  readonly #onWarning: (problem: Problem) => void;
  readonly #known = new Map<string, TopicMetadata>();

  constructor(control: KafkaControl, settings: TopicSettings, onWarning: (problem: Problem) => void) {
    this.#control = control;
    this.#settings = settings;
    this.#onWarning = onWarning;
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  has(topic: string): boolean {
    return this.#known.has(topic);
  }

  /** @throws InvariantError when the topic was not ensured */
  idOf(topic: string): string {
    const known = this.#known.get(topic);
    if (known === undefined) throw new RangeError(`the topic ${topic} is not known`);
    return known.topicId;
  }

  /**
   * Makes those that are not there.
   * @throws SyncError KAFKA_TOPIC_CONFIG, KAFKA_PARTITIONS_CHANGED with all that is wrong with those that are
   */
  async ensure(wanted: readonly TopicWanted[]): Promise<void> {
    const fresh = wanted.filter(({ topic }) => !this.#known.has(topic));
    if (fresh.length === 0) return;
    const names = fresh.map(({ topic }) => topic);
    const before = await this.#control.topics(names);
    await this.#control.create(
      fresh.filter(({ topic }) => !before.has(topic)).map((one) => newTopic(one, this.#settings)),
    );
    await this.#control.spread(names);
    const problems = await this.#problems(fresh);
    for (const problem of problems) if (problem.severity === "warning") this.#onWarning(problem);
    const errors = problems.filter(({ severity }) => severity === "error");
    const [first] = errors;
    if (first !== undefined) {
      throw syncError(first.code as "KAFKA_TOPIC_CONFIG", errors.map(({ message }) => message).join("; "), {
        hint: errors.map(({ hint }) => hint).join("; "),
      });
    }
    for (const [topic, metadata] of await this.#control.topics(names)) this.#known.set(topic, metadata);
  }

  /** Of those of the topics that are there. */
  async problems(wanted: readonly TopicWanted[]): Promise<readonly Problem[]> {
    return await this.#problems(wanted);
  }

  async #problems(wanted: readonly TopicWanted[]): Promise<readonly Problem[]> {
    const there = await this.#control.topics(wanted.map(({ topic }) => topic));
    if (there.size === 0) return [];
    const configs = await this.#control.topicConfigs([...there.keys()]);
    return wanted.flatMap((one) => {
      const metadata = there.get(one.topic);
      const config = configs.get(one.topic);
      if (metadata === undefined || config === undefined) return [];
      return topicProblems({ metadata, config }, one, this.#settings);
    });
  }

  /**
   * Whether the topics are still those that were found.
   * @throws SyncError KAFKA_TOPIC_MISSING, KAFKA_TOPIC_REPLACED, KAFKA_PARTITIONS_CHANGED
   */
  async watch(): Promise<void> {
    const now = await this.#control.topics([...this.#known.keys()]);
    for (const [topic, before] of this.#known) {
      const found = now.get(topic);
      if (found === undefined) {
        throw syncError("KAFKA_TOPIC_MISSING", `the topic ${topic} was deleted`, { hint: TOPIC_GONE });
      }
      if (found.topicId !== before.topicId) {
        throw syncError("KAFKA_TOPIC_REPLACED", `the topic ${topic} was deleted and made anew`, {
          hint: TOPIC_GONE,
        });
      }
      if (found.partitions.length !== before.partitions.length) {
        throw syncError(
          "KAFKA_PARTITIONS_CHANGED",
          `the topic ${topic} has ${found.partitions.length} partitions now, and had ${before.partitions.length}`,
          {
            hint: "the order of a key's changes holds within a partition: remove all topics of this pipeline, set channel.kafka.partitions and start `capture` again",
          },
        );
      }
    }
  }
}

const TOPIC_GONE =
  "start `capture` again: it publishes anew what the tables have not applied, from the binlog";
