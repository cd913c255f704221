import { syncError } from "../../types/errors.ts";
import type { SyncError } from "../../util/errors.ts";
import { kafkaHint } from "../kafka/broker-error.ts";
import type { ProducerIdentity, TopicPartition } from "../kafka/record-block.ts";
import type { WrittenRange } from "../kafka/driver.ts";
import type { ClientError, DeliveryReport } from "./client.ts";
import { isConsequence } from "./client-error.ts";

interface Written extends TopicPartition {
  from: number;
  to: number;
  count: number;
}

/** What has become of the records that were handed over; the library tells of each. */
export class Deliveries {
  /** Since the transaction began, by topic and partition. */
  readonly #written = new Map<string, Written>();
  readonly #waiting: (() => void)[] = [];
  #last: Written | null = null;
  #pending = 0;
  #error: ClientError | null = null;
  #where: TopicPartition | null = null;
  #placeless: TopicPartition | null = null;

  /** Records whose report is still to come. */
  get pending(): number {
    return this.#pending;
  }

  /** Why a record was not stored: the first error, or a later one when that only followed from another. */
  get error(): ClientError | null {
    return this.#error;
  }

  /** Where that record belongs. */
  get where(): TopicPartition | null {
    return this.#where;
  }

  /** Whether a record of the transaction was. */
  get hasStored(): boolean {
    return this.#written.size > 0;
  }

  begin(): void {
    this.#written.clear();
    this.#last = null;
  }

  sent(): void {
    this.#pending++;
  }

  /** Called for each record. */
  take(error: ClientError | null, report: DeliveryReport): void {
    this.#pending--;
    if (error === null) this.#stored(report);
    else if (this.#error === null || isConsequence(this.#error)) {
      this.#error = error;
      this.#where = report;
    }
    if (this.#waiting.length > 0) this.wake();
  }

  #stored(report: DeliveryReport): void {
    const { topic, partition, offset } = report;
    if (offset < 0) {
      this.#placeless ??= report;
      return;
    }
    let written = this.#last;
    if (written?.topic !== topic || written.partition !== partition) {
      const key = `${topic}/${partition}`;
      written = this.#written.get(key) ?? null;
      if (written === null) {
        written = { topic, partition, from: offset, to: offset, count: 0 };
        this.#written.set(key, written);
      }
      this.#last = written;
    }
    if (offset < written.from) written.from = offset;
    if (offset >= written.to) written.to = offset + 1;
    written.count++;
  }

  /** Resolves with the next report. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets those go who wait. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Where the records of the transaction are. */
  ranges(producer: ProducerIdentity): readonly WrittenRange[] {
    return Array.from(this.#written.values(), (written) => ({ ...written, producer }));
  }

  /** The broker had a record already, so long ago that it does not know where: a position cannot name it. */
  get placeless(): SyncError | null {
    if (this.#placeless === null) return null;
    const { topic, partition } = this.#placeless;
    return syncError(
      "KAFKA_OUTCOME_UNKNOWN",
      `the broker does not tell where it put records of ${topic}/${partition}`,
      {
        hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"),
      },
    );
  }
}
