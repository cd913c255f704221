import {
  advertisedAddress,
  listenerProperties,
  LOOPBACK,
  protocolOf,
  type KafkaListener,
  type KafkaUsers,
} from "./listener.ts";
import type { KafkaNode } from "./node.ts";

type Properties = Readonly<Record<string, string>>;

/** What the brokers of a cluster have in common. */
export interface KafkaSettings {
  /** Of `server.properties`; they win over ours. */
  readonly properties?: Properties;
  /** Ways for clients. Default: one without protection, PLAINTEXT. */
  readonly listeners?: readonly KafkaListener[];
  /** They may log in by PLAIN and by SCRAM. */
  readonly users?: KafkaUsers;
  /**
   * Turns access control on: these users may do everything, others what an ACL allows them. Clients that need not
   * log in may do everything as well, since brokers talk to each other without a login.
   */
  readonly superUsers?: readonly string[];
}

const REPLICAS_MAX = 3;
const ANONYMOUS = "ANONYMOUS";

const DEFAULTS: Properties = {
  "auto.create.topics.enable": "false",
  "offsets.topic.num.partitions": "4",
  "transaction.state.log.num.partitions": "4",
  // A transaction that has timed out is aborted soon, and not only after ten seconds.
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
  "group.initial.rebalance.delay.ms": "0",
  "log.retention.ms": "-1",
  // The cleaner would take 128 MB, half of the heap.
  "log.cleaner.dedupe.buffer.size": String(8 * 1024 * 1024),
  "broker.heartbeat.interval.ms": "500",
};

/** The `server.properties` of a node of a cluster. */
export function brokerProperties(
  node: KafkaNode,
  cluster: {
    /** All of it, `node` included. */
    readonly nodes: readonly KafkaNode[];
    readonly dataDir: string;
    readonly settings: KafkaSettings;
  },
): Properties {
  const { nodes, dataDir, settings } = cluster;
  return {
    ...DEFAULTS,
    ...replication(nodes.length),
    ...addresses(node, nodes),
    "log.dirs": dataDir,
    ...accessControl(settings.superUsers),
    ...Object.fromEntries(
      node.listeners.flatMap((one) => Object.entries(listenerProperties(one, settings.users ?? {}))),
    ),
    ...settings.properties,
  };
}

function replication(nodes: number): Properties {
  const replicas = Math.min(nodes, REPLICAS_MAX);
  // With three replicas one may be away, and what was confirmed is still on two.
  const inSync = Math.max(1, replicas - 1);
  return {
    "default.replication.factor": String(replicas),
    "min.insync.replicas": String(inSync),
    "offsets.topic.replication.factor": String(replicas),
    "transaction.state.log.replication.factor": String(replicas),
    "transaction.state.log.min.isr": String(inSync),
    // The loss of a broker is noticed after this time, and a killed one is let in again only then. Brokers that share
    // few processors must not lose each other; a lone one has nobody to go over to.
    "broker.session.timeout.ms": nodes > 1 ? "4000" : "2000",
  };
}

function addresses(node: KafkaNode, nodes: readonly KafkaNode[]): Properties {
  const internal = `INTERNAL://${LOOPBACK}:${node.internalPort}`;
  const own = node.listeners;
  return {
    "process.roles": "broker,controller",
    "node.id": String(node.id),
    "controller.quorum.voters": nodes
      .map(({ id, controllerPort }) => `${id}@${LOOPBACK}:${controllerPort}`)
      .join(","),
    listeners: [
      ...own.map(({ name, port }) => `${name}://${LOOPBACK}:${port}`),
      internal,
      `CONTROLLER://${LOOPBACK}:${node.controllerPort}`,
    ].join(","),
    "advertised.listeners": [
      ...own.map((listener) => `${listener.name}://${advertisedAddress(listener)}`),
      internal,
    ].join(","),
    "listener.security.protocol.map": [
      ...own.map((listener) => `${listener.name}:${protocolOf(listener)}`),
      "INTERNAL:PLAINTEXT",
      "CONTROLLER:PLAINTEXT",
    ].join(","),
    "inter.broker.listener.name": "INTERNAL",
    "controller.listener.names": "CONTROLLER",
  };
}

function accessControl(superUsers: readonly string[] | undefined): Properties {
  if (superUsers === undefined) return {};
  return {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": [ANONYMOUS, ...superUsers].map((name) => `User:${name}`).join(";"),
  };
}
