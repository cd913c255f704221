import { must } from "../../src/util/assert.ts";
import type { BoundListener, KafkaListener } from "./listener.ts";

/** One broker, which is a controller as well. */
export interface KafkaNode {
  readonly id: number;
  /** For clients. */
  readonly listeners: readonly BoundListener[];
  /** For brokers among themselves, and for us. */
  readonly internalPort: number;
  readonly controllerPort: number;
}

const PLAINTEXT: KafkaListener = { name: "PLAINTEXT" };

/** The listeners of a broker for which none were chosen: one without protection. */
export const listenersOr = (listeners: readonly KafkaListener[] | undefined): readonly KafkaListener[] =>
  listeners ?? [PLAINTEXT];

/** How many ports a node with these listeners takes. */
export const portCount = (listeners: readonly KafkaListener[]): number => listeners.length + 2;

/** Gives each listener a port, in their order, and the node its last two. */
export function placeNode(options: {
  readonly id: number;
  readonly listeners: readonly KafkaListener[];
  readonly ports: readonly number[];
  /** What clients of the first listener are told instead of its port. */
  readonly advertisedPort: number | undefined;
}): KafkaNode {
  const ports = [...options.ports];
  const next = (): number => must(ports.shift(), "a port for each listener and two more");
  return {
    id: options.id,
    listeners: options.listeners.map((listener, index) => {
      const port = next();
      return {
        ...listener,
        port,
        advertisedPort: (index === 0 ? options.advertisedPort : undefined) ?? port,
      };
    }),
    internalPort: next(),
    controllerPort: next(),
  };
}
