/**
 * The changes of the next commit, between `append` and `commit`. Rows gather in memory until they are worth
 * file. Where the commit reads typed rows (`row-relation.ts`), DuckDB turns that into a Parquet file while the next
 * rows gather. Nothing here outlives the process, and memory stays at a few such portions, however many
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
import { ChangePortion } from "./change-portion.ts";
import { ChangeOrder } from "./change-order.ts";
import { literal, type LakeDatabase, type Sql } from "./duckdb.ts";
import { ioError } from "./io-error.ts";
import { isSorted, typedRelation, untypedRelation, type RowRelation } from "./row-relation.ts";
import { CHANGE_FIELDS, columnSource } from "./row-source.ts";
import type { RowShape } from "./row-shape.ts";
import { writeScratchFile } from "./scratch-file.ts";
import { writeTypedFile } from "./typed-file.ts";

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

/** What a commit reads: changes, and the transactions that they name. */
export interface StagedChanges {
  readonly shape: RowShape;
  readonly rows: number;
  /** With the fields `_tl_seq`, `_tl_op`, `_tl_ordinal`, `_tl_n`. */
  readonly relation: RowRelation;
  /** Table of DuckDB: `ordinal`, `gtid`, `txn`, `ts_ms`, and the lanes `high` and `low`. */
  readonly transactions: string;
}

export class ChangeStage {
  readonly #options: ChangeStageOptions;
  readonly #folder: string;
  readonly #transactions: string;
  #order: ChangeOrder;
  #shape: RowShape | null = null;
  #portion: ChangePortion | null = null;
  /** Lines of the transactions that the portion is the first to name. */
  #transactionLines: string[] = [];
  #rows = 0;
  #portions = 0;
  #lastOrdinal = -1;
  /** Files that DuckDB has typed, and files of columns that are typed by whoever reads them. */
  #typed: string[] = [];
  #untyped: string[] = [];
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
    const { form } = batch.rows;
    assert(form !== "records", "a lake takes rows as columns or lines, not as records");
    assert(
      this.#shape === null || this.#shape.schema.version === shape.schema.version,
      "the changes of one commit have one schema",
    );
    this.#shape ??= shape;
    this.#order.check(batch);
    if (this.#portion !== null && this.#portion.form !== form) await this.#flush();
    this.#portion ??= new ChangePortion(form);
    this.#portion.add(batch);
    this.#gather(batch);
    if (this.#portion.bytes >= PORTION_BYTES || this.#transactionLines.length >= PORTION_TRANSACTIONS) {
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
    const relation = this.#relation(this.#shape);
    return { shape: this.#shape, rows: this.#rows, relation, transactions: this.#transactions };
  }

  /** Only one of the two lists of files has any, unless the form of the rows has changed in the middle. */
  #relation(shape: RowShape): RowRelation {
    const typed = typedRelation(this.#typed, shape);
    if (this.#untyped.length === 0) return typed;
    const source = columnSource(shape, { files: this.#untyped, fields: CHANGE_FIELDS });
    const untyped = untypedRelation(shape, source);
    if (this.#typed.length === 0) return untyped;
    return { ...untyped, sql: `(SELECT * FROM ${typed.sql} UNION ALL SELECT * FROM ${untyped.sql})` };
  }

  /** Drops what was appended; the next changes come behind `committedSeq`. */
  async clear(committedSeq: number): Promise<void> {
    await Promise.all(this.#reading);
    this.#failure = null;
    this.#portion = null;
    this.#transactionLines = [];
    this.#shape = null;
    this.#rows = 0;
    this.#lastOrdinal = -1;
    this.#order = new ChangeOrder(committedSeq);
    this.#typed = [];
    this.#untyped = [];
    if (this.#hasTable) {
      await this.#options.db.use((sql) => sql.run(`DROP TABLE IF EXISTS ${this.#transactions}`));
    }
    this.#hasTable = false;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #gather(batch: ChangeBatch): void {
    this.#rows += batch.count;
    batch.transactions.forEach((transaction, i) => {
      const end = batch.transactions[i + 1]?.firstRow ?? batch.count;
      if (end > transaction.firstRow && transaction.ordinal !== this.#lastOrdinal) {
        this.#transactionLines.push(this.#transactionLine(transaction));
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

  /** Hands what was gathered to DuckDB, and waits only while it has enough to read. */
  async #flush(): Promise<void> {
    const portion = this.#portion;
    const shape = this.#shape;
    const transactions = this.#transactionLines;
    if (shape === null || portion === null) return;
    this.#portion = null;
    this.#transactionLines = [];
    await this.#makeTable();
    while (this.#reading.size >= this.#options.db.threads) await Promise.race(this.#reading);
    this.#throwFailure();
    const reading = this.#read(portion, { shape, transactions })
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#reading.delete(reading);
      });
    this.#reading.add(reading);
  }

  async #read(
    portion: ChangePortion,
    { shape, transactions }: { readonly shape: RowShape; readonly transactions: readonly string[] },
  ): Promise<void> {
    step("lake.stage.changes");
    const name = join(this.#folder, String(++this.#portions));
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw ioError(error, { action: "create folder", path: this.#folder });
    });
    const file = await portion.write(name, shape);
    await this.#options.db.use(async (sql) => {
      await this.#addTransactions(sql, `${name}.transactions`, transactions);
      if (portion.form === "columns" && !isSorted(shape)) {
        this.#untyped.push(file.path);
        return;
      }
      const typed = `${name}.tmp`;
      // Read back soon and by us alone: compression would cost more than it saves.
      const options = ["COMPRESSION uncompressed"];
      await writeTypedFile(sql, { shape, source: file.source }, { path: typed, options });
      this.#typed.push(typed);
      await rm(file.path, { force: true });
    });
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
