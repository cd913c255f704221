import { setTimeout as delay } from "node:timers/promises";
import { setupError } from "../setup-error.ts";
import { clusterMetadata } from "./cluster-metadata.ts";
import { newKafkaId } from "./data-folder.ts";
import { onFreePorts } from "./free-ports.ts";
import { listenersOr, placeNode, portCount } from "./node.ts";
import { KafkaServer, type KafkaOptions } from "./server.ts";

const SIZE = 3;
const COMPLETE_MS_MAX = 60_000;
const POLL_MS = 50;

export interface KafkaClusterOptions extends KafkaOptions {
  /** For each broker, the port of its first listener that clients are told, for proxies that stand between. */
  readonly advertisedPorts?: readonly number[];
}

/**
 * Three brokers that are one cluster, each with a third of the controllers. Topics have three replicas unless they
 * say otherwise, and one broker may be away. All data is temporary.
 */
export class KafkaCluster implements AsyncDisposable {
  /** With the ids 1, 2, 3; each can be stopped, killed, paused and started by itself. */
  readonly servers: readonly KafkaServer[];

  private constructor(servers: readonly KafkaServer[]) {
    this.servers = servers;
  }

  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const listeners = listenersOr(options.listeners);
    const perNode = portCount(listeners);
    return onFreePorts(SIZE * perNode, async (free) => {
      const nodes = Array.from({ length: SIZE }, (_, index) =>
        placeNode({
          id: index + 1,
          listeners,
          ports: free.slice(index * perNode, (index + 1) * perNode),
          advertisedPort: options.advertisedPorts?.[index],
        }),
      );
      const clusterId = newKafkaId();
      const joins = nodes.map((node) => KafkaServer.join({ clusterId, node, nodes }, options));
      const joined = await Promise.allSettled(joins);
      const cluster = new KafkaCluster(
        joined.flatMap((join) => (join.status === "fulfilled" ? [join.value] : [])),
      );
      try {
        await Promise.all(joins);
        await cluster.untilComplete();
        return cluster;
      } catch (error) {
        await cluster[Symbol.asyncDispose]();
        throw error;
      }
    });
  }

  /** What a client is given to begin with: `host:port` of each broker's first listener, or of the named one. */
  brokers(listener?: string): readonly string[] {
    return this.servers.flatMap((server) => server.brokers(listener));
  }

  /** The addresses without protection, separated by commas as tools want them. */
  get admin(): string {
    return this.servers.map((server) => server.admin).join(",");
  }

  /** Waits until every broker that runs knows of all others that run. */
  async untilComplete(): Promise<void> {
    const deadline = Date.now() + COMPLETE_MS_MAX;
    const running = this.servers.filter((server) => server.running);
    const ids = running.map((server) => server.id).sort();
    while (Date.now() < deadline) {
      const views = await Promise.all(running.map((server) => clusterMetadata(server.internalPort)));
      if (views.every((view) => view?.brokerIds.toSorted().join() === ids.join())) return;
      await delay(POLL_MS);
    }
    throw setupError(`the brokers ${ids.join(", ")} did not find each other in ${COMPLETE_MS_MAX / 1000} s`, {
      hint: `see their logs: ${running.map((server) => server.logPath).join(", ")}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}
