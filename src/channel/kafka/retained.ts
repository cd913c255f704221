import type { KafkaControl } from "../kafkajs/control.ts";

/** What a topic still holds: its id, and the first offset of each partition. */
export interface Retained {
  readonly topicId: string;
  readonly starts: ReadonlyMap<number, number>;
}

/** Asks what topics still hold, each once: many units name the same ones. Null for a topic that is not there. */
export function retainedIn(control: KafkaControl): (topic: string) => Promise<Retained | null> {
  const known = new Map<string, Promise<Retained | null>>();
  return (topic) => {
    const answer = known.get(topic) ?? ask(control, topic);
    known.set(topic, answer);
    return answer;
  };
}

async function ask(control: KafkaControl, topic: string): Promise<Retained | null> {
  const found = (await control.topics([topic])).get(topic);
  if (found === undefined) return null;
  const offsets = await control.offsets(topic);
  return {
    topicId: found.topicId,
    starts: new Map(offsets.map(({ partition, start }) => [partition, start])),
  };
}
