import { setTimeout as delay } from "node:timers/promises";
import { must } from "../../src/util/assert.ts";
import type { Connection, ResultSetHeader } from "mysql2/promise";
import { seededRandom } from "../random.ts";
import { openShop } from "./load.ts";
import type { ShopSize } from "./rows.ts";
import { shopTransaction, type ChangeKind, type ShopTransaction } from "./transactions.ts";

const DUPLICATE_KEY = 1062;
const LOCK_WAIT_TIMEOUT = 1205;
const DEADLOCK = 1213;
const ATTEMPTS_MAX = 20;

export interface WriterOptions {
  /** `mysql://user@host:port/database` of a loaded shop. */
  readonly url: string;
  readonly writers: number;
  readonly seed?: number;
  /** Of all writers together; as many as the server takes when absent. */
  readonly transactionsPerSecond?: number;
}

/** What was committed: transactions, and the rows that their statements changed. */
export interface ShopCounts {
  readonly transactions: number;
  /** Rolled back because the workload wants some of that. */
  readonly rolledBack: number;
  /** Given up because the new key was taken. */
  readonly conflicts: number;
  /** Run again after a deadlock. */
  readonly retries: number;
  readonly inserts: number;
  readonly updates: number;
  readonly keyChanges: number;
  readonly deletes: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Writes to a shop from several sessions at once until it is stopped. Each writer's sequence of
 * transactions follows from the seed and its number; how they interleave is up to the server.
 */
export class ShopWriters {
  readonly #counts: Mutable<ShopCounts> = {
    transactions: 0,
    rolledBack: 0,
    conflicts: 0,
    retries: 0,
    inserts: 0,
    updates: 0,
    keyChanges: 0,
    deletes: 0,
  };
  readonly #done: Promise<void>;
  #stopping = false;
  #failure: Error | null = null;

  private constructor(sessions: readonly Connection[], options: WriterOptions & { readonly size: ShopSize }) {
    const loops = sessions.map((session, index) =>
      this.#write(session, {
        size: options.size,
        random: seededRandom((options.seed ?? 1) * 1000 + index),
        intervalMs:
          options.transactionsPerSecond === undefined
            ? 0
            : (1000 * options.writers) / options.transactionsPerSecond,
      }).catch((error: unknown) => {
        // One writer's failure ends them all; stop() reports it.
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        this.#stopping = true;
      }),
    );
    this.#done = Promise.all(loops).then(() => undefined);
  }

  static async start(options: WriterOptions): Promise<ShopWriters> {
    const sessions: Connection[] = [];
    for (let index = 0; index < options.writers; index++) {
      const { connection, database } = await openShop(options.url);
      sessions.push(connection);
      await connection.query(
        `USE \`${database}\`; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION innodb_lock_wait_timeout = 5`,
      );
    }
    return new ShopWriters(sessions, { ...options, size: await sizeOf(must(sessions[0], "a writer")) });
  }

  /** So far. */
  get counts(): ShopCounts {
    return { ...this.#counts };
  }

  /** Resolves when all writers have ended: after `stop`, or after one of them failed. */
  get ended(): Promise<void> {
    return this.#done;
  }

  /**
   * Lets every writer finish its transaction; what was written in all.
   *
   * @throws the error that ended a writer before.
   */
  async stop(): Promise<ShopCounts> {
    this.#stopping = true;
    await this.#done;
    if (this.#failure !== null) throw this.#failure;
    return this.counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #write(
    session: Connection,
    options: { readonly size: ShopSize; readonly random: () => number; readonly intervalMs: number },
  ): Promise<void> {
    try {
      let dueMs = performance.now();
      while (!this.#stopping) {
        await this.#run(session, shopTransaction(options.size, options.random));
        dueMs += options.intervalMs;
        const earlyMs = dueMs - performance.now();
        // A writer that fell behind does not catch up in a burst.
        if (earlyMs > 0) await delay(earlyMs);
        else dueMs = performance.now();
      }
    } finally {
      await session.end();
    }
  }

  async #run(session: Connection, transaction: ShopTransaction): Promise<void> {
    const sql = [
      "START TRANSACTION",
      ...transaction.statements.map((statement) => statement.sql),
      transaction.rolledBack ? "ROLLBACK" : "COMMIT",
    ].join(";\n");
    for (let attempt = 1; ; attempt++) {
      try {
        const [results] = await session.query<ResultSetHeader[]>(sql);
        if (transaction.rolledBack) this.#counts.rolledBack++;
        else this.#count(transaction, results);
        return;
      } catch (error) {
        await session.query("ROLLBACK");
        const errno = errnoOf(error);
        if (errno === DUPLICATE_KEY) {
          this.#counts.conflicts++;
          return;
        }
        if ((errno !== DEADLOCK && errno !== LOCK_WAIT_TIMEOUT) || attempt === ATTEMPTS_MAX) throw error;
        this.#counts.retries++;
      }
    }
  }

  #count(transaction: ShopTransaction, results: readonly ResultSetHeader[]): void {
    this.#counts.transactions++;
    transaction.statements.forEach((statement, index) => {
      // The first result is that of START TRANSACTION.
      this.#countRows(statement.kind, must(results[index + 1], "result of a statement").affectedRows);
    });
  }

  #countRows(kind: ChangeKind, rows: number): void {
    const counts = this.#counts;
    switch (kind) {
      case "insert":
        counts.inserts += rows;
        break;
      case "update":
        counts.updates += rows;
        break;
      case "keyChange":
        counts.keyChanges += rows;
        break;
      case "delete":
        counts.deletes += rows;
        break;
      case "upsert":
        // MySQL reports 1 for a row inserted and 2 for a row updated.
        if (rows === 1) counts.inserts++;
        else if (rows === 2) counts.updates++;
        break;
      case "replace":
        counts.inserts++;
        counts.deletes += rows - 1;
        break;
      case null:
        break;
    }
  }
}

function errnoOf(error: unknown): number | null {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" ? error.errno : null;
}

async function sizeOf(session: Connection): Promise<ShopSize> {
  const [[row]] = (await session.query({
    sql: `SELECT (SELECT COUNT(*) FROM customer), (SELECT COUNT(*) FROM product), (SELECT COUNT(*) FROM coupon),
      (SELECT MAX(id) FROM orders)`,
    rowsAsArray: true,
  })) as unknown as [[[number, number, number, number]]];
  const [customers, products, coupons, orders] = row;
  return { customers, products, coupons, orders };
}
