import { createHash } from "node:crypto";
import { syncError } from "../../../types/errors.ts";
import { escapeTopicValue, topicKey } from "../topic-name.ts";

/** Topics that column values may make: each costs the brokers files and memory. */
export const MADE_TOPICS_MAX = 1000;
const NAME_LENGTH_MAX = 249;
const HASH_DIGITS = 16;

/** The text that a column's value is in a topic's name. */
export function valueInTopic(value: string | null): string {
  if (value === null) return "_null";
  return value === "" ? "_empty" : escapeTopicValue(value);
}

/** A name that is too long ends with a hash of all of it: the same value always has the same topic. */
export function fittingName(name: string): string {
  if (name.length <= NAME_LENGTH_MAX) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_DIGITS);
  return `${name.slice(0, NAME_LENGTH_MAX - HASH_DIGITS - 1)}_${hash}`;
}

interface Known {
  readonly name: string;
  readonly index: number;
}

/** All topics that one capture writes changes to, each with a number. */
export class TopicPool {
  readonly #reserved: Known;
  /** By the name as Kafka tells topics apart. */
  readonly #byKey = new Map<string, Known>();
  readonly #names: string[] = [];
  #made = 0;

  /** Changes must never go to the position topic. */
  constructor(positionTopic: string) {
    this.#reserved = { name: positionTopic, index: -1 };
  }

  get size(): number {
    return this.#names.length;
  }

  name(index: number): string {
    return this.#names[index] as string;
  }

  /** What keeps a topic from standing beside those that there are; null when nothing does. */
  conflict(name: string): string | null {
    if (topicKey(name) === topicKey(this.#reserved.name)) return `the topic ${name} is the position topic`;
    const known = this.#byKey.get(topicKey(name));
    if (known === undefined || known.name === name) return null;
    return `the topics ${known.name} and ${name} differ only where one has a dot and the other an underscore, which Kafka refuses`;
  }

  /**
   * The number of a topic that a rule or the config names.
   * @throws SyncError KAFKA_ROUTING when it cannot stand beside the others
   */
  named(name: string): number {
    const known = this.#byKey.get(topicKey(name));
    if (known?.name === name) return known.index;
    const conflict = this.conflict(name);
    if (conflict !== null) throw syncError("KAFKA_ROUTING", conflict, { hint: CHANGE_NAME });
    const entry = { name, index: this.#names.length };
    this.#byKey.set(topicKey(name), entry);
    this.#names.push(name);
    return entry.index;
  }

  /**
   * The number of a topic that column values have made.
   * @throws SyncError KAFKA_ROUTING when there are too many, or it cannot stand beside the others
   */
  made(name: string, by: string): number {
    const before = this.#names.length;
    const index = this.named(name);
    if (index < before) return index;
    if (++this.#made > MADE_TOPICS_MAX) {
      throw syncError(
        "KAFKA_ROUTING",
        `${by} would make the topic ${name}, and values have made ${MADE_TOPICS_MAX} topics already`,
        {
          hint: "name a column with fewer values in {column:…}, or put a condition on it in `where`, so that other rows go elsewhere; then start `tallylake capture` again",
        },
      );
    }
    return index;
  }
}

const CHANGE_NAME =
  "change the topic of that rule in channel.kafka.routing, and start `tallylake capture` again";
