import type {
  Isolation,
  KafkaDriver,
  ProducerOptions,
  RecordReader,
  TransactionalProducer,
} from "../kafka/driver.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import type { ProducerIdentity } from "../kafka/record-block.ts";
import type { SyncError } from "../../util/errors.ts";
import { Cluster } from "../kafkajs/cluster.ts";
import { TransactionCoordinator } from "../kafkajs/coordinator.ts";
import { loadClient, loadInstalled, type ClientLibrary, type LoadClient } from "./client.ts";
import { LibrdkafkaProducer } from "./producer.ts";
import { LibrdkafkaReader } from "./reader.ts";
import { requireCodec } from "./settings.ts";

/**
 * The driver on librdkafka, whose package is loaded when the first producer or reader is opened. What the library does
 * not tell is asked for on a connection of our own: which partition an error is of, and whether a producer was fenced
 * off or its transaction was open for too long. It is made first, since its errors say why there is none.
 */
export class LibrdkafkaDriver implements KafkaDriver {
  readonly name = "librdkafka";
  readonly #endpoint: KafkaEndpoint;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  readonly #load: LoadClient;
  readonly #opened = new Set<TransactionalProducer | RecordReader>();
  #library: Promise<ClientLibrary> | null = null;
  #cluster: Promise<Cluster> | null = null;

  constructor(endpoint: KafkaEndpoint, now: () => number, load: LoadClient = loadInstalled) {
    this.#endpoint = endpoint;
    this.#now = now;
    this.#load = load;
  }

  async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const { library } = await this.#ready();
    requireCodec(library, options.compression);
    const producer = await LibrdkafkaProducer.open({
      library,
      endpoint: this.#endpoint,
      options,
      judge: (error, identity) => this.#judge(error, identity, options),
    });
    this.#opened.add(producer);
    return producer;
  }

  async openReader(isolation: Isolation): Promise<RecordReader> {
    const { library, cluster } = await this.#ready();
    const reader = await LibrdkafkaReader.open({
      library,
      endpoint: this.#endpoint,
      isolation,
      cluster,
      now: this.#now,
    });
    this.#opened.add(reader);
    return reader;
  }

  async #ready(): Promise<{ readonly library: ClientLibrary; readonly cluster: Cluster }> {
    this.#library ??= loadClient(this.#load);
    const library = await this.#library;
    this.#cluster ??= Cluster.connect(this.#endpoint);
    try {
      return { library, cluster: await this.#cluster };
    } catch (error) {
      this.#cluster = null;
      throw error;
    }
  }

  async #judge(
    error: SyncError,
    { id, epoch }: ProducerIdentity,
    options: ProducerOptions,
  ): Promise<SyncError> {
    const { cluster } = await this.#ready();
    const coordinator = new TransactionCoordinator(cluster, options, this.#now);
    return await coordinator.judge(error, { id: BigInt(id), epoch });
  }

  async close(): Promise<void> {
    for (const opened of this.#opened) await opened.close();
    this.#opened.clear();
    await this.#cluster?.then(
      (cluster) => cluster.close(),
      () => undefined,
    );
  }
}
