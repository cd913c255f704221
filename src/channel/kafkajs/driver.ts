import type {
  Isolation,
  KafkaDriver,
  ProducerOptions,
  RecordReader,
  TransactionalProducer,
} from "../kafka/driver.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import { Cluster } from "./cluster.ts";
import { KafkajsProducer, type Clock } from "./producer.ts";
import { KafkajsReader } from "./reader.ts";

/**
 * The driver on kafkajs' connections. Producer and readers have connections of their own: a broker answers the
 * requests of one connection in order, and a fetch that waits for records would hold up all others.
 */
export class KafkajsDriver implements KafkaDriver {
  readonly name = "kafkajs";
  readonly #endpoint: KafkaEndpoint;
  readonly #clock: Clock;
  readonly #clusters = new Set<Cluster>();

  constructor(endpoint: KafkaEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const cluster = await this.#connect();
    try {
      return await KafkajsProducer.open(cluster, options, this.#clock);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  async openReader(isolation: Isolation): Promise<RecordReader> {
    return new KafkajsReader(await this.#connect(), isolation);
  }

  async #connect(): Promise<Cluster> {
    const cluster = await Cluster.connect(this.#endpoint);
    this.#clusters.add(cluster);
    return cluster;
  }

  async close(): Promise<void> {
    for (const cluster of this.#clusters) await cluster.close();
    this.#clusters.clear();
  }
}
