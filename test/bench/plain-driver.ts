import type { KafkaDriver, ProducerOptions, TransactionalProducer } from "../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { INIT_PRODUCER_ID, type ProducerId } from "../../src/channel/kafka/messages.ts";
import { Cluster } from "../../src/channel/kafkajs/cluster.ts";
import type { Coordinator } from "../../src/channel/kafkajs/coordinator.ts";
import { KafkajsDriver } from "../../src/channel/kafkajs/driver.ts";
import { KafkajsProducer, type Clock } from "../../src/channel/kafkajs/producer.ts";
import type { SyncError } from "../../src/util/errors.ts";

/** Gives a producer its id, which still keeps batches from being written twice, and does nothing else. */
class NoCoordinator implements Coordinator {
  readonly transactionalId = null;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async initProducer(): Promise<ProducerId> {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const answer = await this.#cluster.send(this.#cluster.anyBroker(), INIT_PRODUCER_ID, request);
    if (answer.errorCode !== 0) throw new Error(`no producer id: error ${answer.errorCode}`);
    return answer.producer;
  }

  async addPartitions(): Promise<void> {}

  async endTransaction(): Promise<void> {}

  async judge(error: SyncError): Promise<SyncError> {
    return error;
  }
}

/** The kafkajs driver with its transactions left out, to see what they cost. */
export class PlainDriver extends KafkajsDriver implements KafkaDriver {
  readonly #endpoint: KafkaEndpoint;
  readonly #clock: Clock;

  constructor(endpoint: KafkaEndpoint, clock: Clock) {
    super(endpoint, clock);
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  override async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const cluster = await Cluster.connect(this.#endpoint);
    return await KafkajsProducer.open(cluster, options, this.#clock, new NoCoordinator(cluster));
  }
}
