import type {
  Isolation,
  KafkaDriver,
  ProducerOptions,
  RecordReader,
  TransactionalProducer,
} from "../kafka/driver.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import { SyncError } from "../../util/errors.ts";
import { Cluster } from "../kafkajs/cluster.ts";
import { loadClient, loadInstalled, type ClientLibrary, type LoadClient } from "./client.ts";
import { judgeFence, type FenceCase } from "./fence.ts";
import { LibrdkafkaProducer } from "./producer.ts";
import { LibrdkafkaReader } from "./reader.ts";
import { requireCodec } from "./settings.ts";

/**
 * The driver on librdkafka, whose package is loaded only for it: it need not be installed. What the library does
 * not tell is asked for on a connection of our own: which partition an error is of, and whether a producer was fenced
 * off or its transaction was open for too long. It is made first, since its errors say why there is none.
 */
export class LibrdkafkaDriver implements KafkaDriver {
  readonly name = "librdkafka";
  readonly #endpoint: KafkaEndpoint;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  readonly #library: ClientLibrary;
  readonly #opened = new Set<TransactionalProducer | RecordReader>();
  #cluster: Promise<Cluster> | null = null;

  private constructor(endpoint: KafkaEndpoint, now: () => number, library: ClientLibrary) {
    this.#endpoint = endpoint;
    this.#now = now;
    this.#library = library;
  }

  /** @throws SyncError KAFKA_CLIENT_MISSING */
  static async load(
    endpoint: KafkaEndpoint,
    now: () => number,
    load: LoadClient = loadInstalled,
  ): Promise<LibrdkafkaDriver> {
    return new LibrdkafkaDriver(endpoint, now, await loadClient(load));
  }

  async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const library = this.#library;
    requireCodec(library, options.compression);
    await this.#control();
    const producer = await LibrdkafkaProducer.open({
      library,
      endpoint: this.#endpoint,
      options,
      now: this.#now,
      judge: (error, identity, wasOngoing) =>
        this.#judge(error, options, {
          transactionalId: options.transactionalId,
          identity,
          wasOngoing,
        }),
    });
    this.#opened.add(producer);
    return producer;
  }

  async openReader(isolation: Isolation): Promise<RecordReader> {
    const cluster = await this.#control();
    const reader = await LibrdkafkaReader.open({
      library: this.#library,
      endpoint: this.#endpoint,
      isolation,
      cluster,
      now: this.#now,
    });
    this.#opened.add(reader);
    return reader;
  }

  async #control(): Promise<Cluster> {
    this.#cluster ??= Cluster.connect(this.#endpoint);
    try {
      return await this.#cluster;
    } catch (error) {
      this.#cluster = null;
      throw error;
    }
  }

  async #judge(error: SyncError, options: ProducerOptions, fence: FenceCase): Promise<SyncError> {
    try {
      const cluster = await this.#control();
      return await judgeFence(error, fence, {
        cluster,
        now: this.#now,
        patienceMs: options.deliveryTimeoutMs,
      });
    } catch (failure) {
      if (failure instanceof SyncError) return failure;
      throw failure;
    }
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
