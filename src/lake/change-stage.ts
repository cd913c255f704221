/**
 * The changes of the next commit, between `append` and `commit`. Lines gather in memory until they are worth
 * a statement; then they go to a file as they are, and DuckDB turns that into a typed Parquet file while the
 * next lines gather. Nothing here outlives the process, and memory stays at a few such portions, however many
 * changes a commit has.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChangeBatch, TransactionRef } from "../types/change-batch.ts";
import { transactionId, type SourceIdentity } from "../types/checkpoint.ts";
import { transactionLanes } from "../types/event-hash.ts";
import type { TableId } from "../types/table-id.ts";
import { assert } from "../util/assert.ts";
import { step } from "../util/step.ts";
import { ChangeOrder } from "./change-order.ts";
import { literal, type LakeDatabase, type Sql } from "./duckdb.ts";
import { ioError } from "./io-error.ts";
import { stagedLayout } from "./parquet-options.ts";
import { CHANGE_FIELDS, selectRows, type LineFile } from "./row-sql.ts";
import type { RowShape } from "./row-shape.ts";
import { writeScratchFile } from "./scratch-file.ts";
import { explainFailure } from "./value-check.ts";

/** DuckDB reads one file of this size on one thread, so as many portions are read at once as it has threads. */
const PORTION_BYTES = 16 * 1024 * 1024;
const PORTION_TRANSACTIONS = 50_000;

export interface ChangeStageOptions {
  readonly db: LakeDatabase;
  readonly identity: SourceIdentity;
  readonly id: TableId;
  /** Of the last commit: later changes have greater ones. */
  readonly committedSeq: number;
}

/** What a commit reads: typed changes, and the transactions that they name. */
export interface StagedChanges {
  readonly shape: RowShape;
  readonly rows: number;
  /**
   * Parquet files with the user's columns, `_tl_seq`, `_tl_op`, `_tl_ordinal`, `_tl_n`, `_tl_bucket`,
   * `_tl_zeros`.
   */
  readonly files: readonly string[];
  /** Table of DuckDB: `ordinal`, `gtid`, `txn`, `ts_ms`, and the lanes `high` and `low`. */
  readonly transactions: string;
}

interface Portion {
  readonly lines: Uint8Array[];
  bytes: number;
  lineBytesMax: number;
  readonly transactions: string[];
}

const emptyPortion = (): Portion => ({ lines: [], bytes: 0, lineBytesMax: 0, transactions: [] });

export class ChangeStage {
  readonly #options: ChangeStageOptions;
  readonly #folder: string;
  readonly #transactions: string;
  #order: ChangeOrder;
  #shape: RowShape | null = null;
  #portion = emptyPortion();
  #rows = 0;
  #portions = 0;
  #lastOrdinal = -1;
  #files: string[] = [];
  #hasTable = false;
  /** Portions that DuckDB is reading. They never reject: what failed is kept for the next call. */
  readonly #reading = new Set<Promise<void>>();
  #failure: Error | null = null;

  constructor(options: ChangeStageOptions) {
    this.#options = options;
    const name = `changes_${options.db.nextTableNumber()}`;
    this.#folder = join(options.db.folder, name);
    this.#transactions = `${name}_transactions`;
    this.#order = new ChangeOrder(options.committedSeq);
  }

  get rows(): number {
    return this.#rows;
  }

  async append(batch: ChangeBatch, shape: RowShape): Promise<void> {
    this.#throwFailure();
    assert(
      this.#shape === null || this.#shape.schema.version === shape.schema.version,
      "the changes of one commit have one schema",
    );
    this.#shape ??= shape;
    this.#gather(batch, this.#order.check(batch));
    if (this.#portion.bytes >= PORTION_BYTES || this.#portion.transactions.length >= PORTION_TRANSACTIONS) {
      await this.#flush();
    }
  }

  /** All that was appended, typed; null when nothing was. */
  async finish(): Promise<StagedChanges | null> {
    await this.#flush();
    await Promise.all(this.#reading);
    this.#throwFailure();
    if (this.#shape === null || this.#rows === 0) return null;
    const repeated = await this.#options.db.use((sql) =>
      sql.rows(`SELECT count(*) - count(DISTINCT gtid) FROM ${this.#transactions}`),
    );
    assert(repeated[0]?.[0] === 0n, "a transaction has one number in a commit");
    return { shape: this.#shape, rows: this.#rows, files: this.#files, transactions: this.#transactions };
  }

  /** Drops what was appended; the next changes come behind `committedSeq`. */
  async clear(committedSeq: number): Promise<void> {
    await Promise.all(this.#reading);
    this.#failure = null;
    this.#portion = emptyPortion();
    this.#shape = null;
    this.#rows = 0;
    this.#lastOrdinal = -1;
    this.#order = new ChangeOrder(committedSeq);
    this.#files = [];
    if (this.#hasTable) {
      await this.#options.db.use((sql) => sql.run(`DROP TABLE IF EXISTS ${this.#transactions}`));
    }
    this.#hasTable = false;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #gather(batch: ChangeBatch, lineBytesMax: number): void {
    const portion = this.#portion;
    portion.lines.push(batch.bytes);
    portion.bytes += batch.bytes.byteLength;
    portion.lineBytesMax = Math.max(portion.lineBytesMax, lineBytesMax);
    this.#rows += batch.count;
    batch.transactions.forEach((transaction, i) => {
      const end = batch.transactions[i + 1]?.firstRow ?? batch.count;
      if (end > transaction.firstRow && transaction.ordinal !== this.#lastOrdinal) {
        portion.transactions.push(this.#transactionLine(transaction));
        this.#lastOrdinal = transaction.ordinal;
      }
    });
  }

  #transactionLine(transaction: TransactionRef): string {
    const { ordinal, gtid, commitUs } = transaction;
    const txn = transactionId(this.#options.identity, gtid);
    const { high, low } = transactionLanes(txn, this.#options.id);
    const tsMs = Math.floor(commitUs / 1000);
    return `${JSON.stringify({ ordinal, gtid, txn, ts_ms: tsMs, high, low })}\n`;
  }

  /** Hands the gathered lines to DuckDB, and waits only while it has enough to read. */
  async #flush(): Promise<void> {
    const portion = this.#portion;
    const shape = this.#shape;
    if (shape === null || portion.lines.length === 0) return;
    this.#portion = emptyPortion();
    await this.#makeTable();
    while (this.#reading.size >= this.#options.db.threads) await Promise.race(this.#reading);
    this.#throwFailure();
    const reading = this.#read(portion, shape)
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#reading.delete(reading);
      });
    this.#reading.add(reading);
  }

  async #read(portion: Portion, shape: RowShape): Promise<void> {
    step("lake.stage.changes");
    const name = join(this.#folder, String(++this.#portions));
    const file: LineFile = { path: `${name}.json`, lineBytesMax: portion.lineBytesMax };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw ioError(error, { action: "create folder", path: this.#folder });
    });
    await writeScratchFile(file.path, portion.lines);
    const target = `${name}.tmp`;
    await this.#options.db.use(async (sql) => {
      await this.#addTransactions(sql, `${name}.transactions`, portion.transactions);
      const { orderBy, options } = stagedLayout(shape.buckets);
      const select = `${selectRows(shape, file, CHANGE_FIELDS)}${orderBy}`;
      // Read back soon and by us alone: compression would cost more than it saves.
      const format = [...options, "COMPRESSION uncompressed"].join(", ");
      try {
        await sql.run(`COPY (${select}) TO ${literal(target)} (${format})`);
      } catch (error) {
        throw await explainFailure(sql, error, { shape, file, fields: CHANGE_FIELDS });
      }
    });
    this.#files.push(target);
    await rm(file.path, { force: true });
  }

  /** Before the first portion is read: two that are read at once would both make the table, and one fail. */
  async #makeTable(): Promise<void> {
    if (this.#hasTable) return;
    await this.#options.db.use((sql) =>
      sql.run(
        `CREATE TABLE ${this.#transactions} (ordinal BIGINT, gtid VARCHAR, txn VARCHAR, ts_ms BIGINT, high UBIGINT, low UBIGINT)`,
      ),
    );
    this.#hasTable = true;
  }

  async #addTransactions(sql: Sql, path: string, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await writeScratchFile(path, [Buffer.from(lines.join(""))]);
    await sql.run(
      `INSERT INTO ${this.#transactions} SELECT ordinal, gtid, txn, ts_ms, high, low FROM read_ndjson(${literal(path)}, ` +
        `columns = {ordinal: 'BIGINT', gtid: 'VARCHAR', txn: 'VARCHAR', ts_ms: 'BIGINT', high: 'UBIGINT', low: 'UBIGINT'}, compression = 'uncompressed')`,
    );
    await rm(path, { force: true });
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
