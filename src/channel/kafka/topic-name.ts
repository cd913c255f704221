import { syncError } from "../../types/errors.ts";
import { formatTableId, type TableId } from "../../types/table-id.ts";

/** Longest name that Kafka takes. */
const NAME_LENGTH_MAX = 249;
const LEGAL = /^[a-zA-Z0-9._-]+$/;

/** What stands in braces in a template, by its name. */
export type TopicVariables = Readonly<Record<string, string>>;

/**
 * The topic that a template names: `{source}.{database}.{table}`. A character that Kafka forbids in a name becomes
 * `_x` and the hexadecimal digits of its UTF-8 bytes, so that names differ where tables do in all but contrived cases;
 * `requireDistinct` refuses those.
 * @throws SyncError KAFKA_TOPIC_NAME
 */
export function topicName(template: string, variables: TopicVariables): string {
  const name = filledTemplate(template, variables);
  if (name === "" || name === "." || name === ".." || name.length > NAME_LENGTH_MAX || !LEGAL.test(name)) {
    throw nameError(`${JSON.stringify(name)} is no name of a Kafka topic`);
  }
  return name;
}

/**
 * A template, or a piece of one, with its variables filled in.
 * @throws SyncError KAFKA_TOPIC_NAME when there is no such variable
 */
export const filledTemplate = (template: string, variables: TopicVariables): string =>
  template.replace(/\{([^{}]*)\}/g, (_match, variable: string) => {
    const value = variables[variable];
    if (value !== undefined) return escapeTopic(value);
    const known = Object.keys(variables).map((known) => `{${known}}`);
    throw nameError(`{${variable}} has no meaning in the topic ${template}; there are ${known.join(", ")}`);
  });

const escapeTopic = (text: string): string =>
  text.replace(/[^a-zA-Z0-9._-]/gu, (character) => `_x${Buffer.from(character).toString("hex")}`);

/** A value as a part of a name. A dot is escaped too: two values must never make names that Kafka takes for one. */
export const escapeTopicValue = (value: string): string => escapeTopic(value).replaceAll(".", "_x2e");

/** Names with the same key cannot be topics of one cluster, unless they are one name. */
export const topicKey = (name: string): string => name.replaceAll(".", "_");

/**
 * Kafka takes dot and underscore for one in its metrics, and refuses a topic that differs from another one in that
 * alone.
 * @throws SyncError KAFKA_TOPIC_NAME with two tables that would meet
 */
export function requireDistinct(names: readonly { readonly name: string; readonly of: string }[]): void {
  const known = new Map<string, { readonly name: string; readonly of: string }>();
  for (const entry of names) {
    const key = topicKey(entry.name);
    const other = known.get(key);
    if (other !== undefined && other.of !== entry.of) {
      throw nameError(`${other.of} and ${entry.of} would share the topic ${entry.name}`);
    }
    known.set(key, entry);
  }
}

export const tableVariables = (source: string, table: TableId): TopicVariables => ({
  source,
  database: table.database,
  table: table.table,
});

/** The topic of a table where no rule says otherwise. */
export const tableTopic = (template: string, source: string, table: TableId): string =>
  topicName(template, tableVariables(source, table));

/** Names with what they are of, for `requireDistinct`. */
export const namedTopics = (
  template: string,
  source: string,
  tables: readonly TableId[],
): { readonly name: string; readonly of: string }[] =>
  tables.map((table) => ({ name: tableTopic(template, source, table), of: formatTableId(table) }));

const nameError = (message: string): Error =>
  syncError("KAFKA_TOPIC_NAME", message, {
    hint: "change channel.kafka.topic: letters, digits, dot, dash and underscore, at most 249, with {source}, {database} and {table}",
  });
