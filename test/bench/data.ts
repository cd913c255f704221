import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../scripts/cache-folder.ts";
import { withFileLock } from "../../scripts/file-lock.ts";
import { makeFolder } from "../../scripts/fresh-folder.ts";
import { isThere } from "../../scripts/is-there.ts";
import { MysqlServer } from "../../scripts/mysql/server.ts";
import { seededRandom } from "../../scripts/random.ts";
import { TestConnection } from "../support/mysql-connection.ts";
import { BENCH_DDL, loadStatement, workload } from "./workload.ts";

/** Raise it when a change makes other data, so that no prepared folder of before is taken. */
const RECIPE = 1;
const SEED = 42;
const LOAD_ROWS = 200_000;
// The binlogs of a folder that was prepared a month ago must still be there.
const FLAGS = ["--binlog-expire-logs-seconds=0", "--default-time-zone=+00:00"];

export interface BenchSize {
  readonly rows: number;
  readonly changes: number;
}

export interface BinlogPlace {
  readonly file: string;
  readonly position: number;
  /** Executed GTID set. */
  readonly gtids: string;
}

/** `snap.orders` was loaded and left alone; `shop.orders` took the changes between start and end. */
export interface BenchWorkload extends BenchSize {
  readonly updates: number;
  readonly inserts: number;
  readonly deletes: number;
  readonly transactions: number;
  readonly start: BinlogPlace;
  readonly end: BinlogPlace;
  /** From start to end; null when the binlog went on in another file. */
  readonly binlogBytes: number | null;
  /** Of `shop.orders` after the changes: rows, SUM(qty), SUM(price), and the sum of a CRC over each row. */
  readonly final: {
    readonly rows: string;
    readonly quantity: string;
    readonly price: string;
    readonly crc: string;
  };
}

export interface BenchServer extends AsyncDisposable {
  readonly server: MysqlServer;
  readonly workload: BenchWorkload;
}

export interface PrepareOptions {
  /** Where prepared data stays between runs. Default: the cache. */
  readonly cache?: string;
  /** Is told what takes long. */
  readonly progress?: (line: string) => void;
}

/**
 * A server of the caller's own with the data of the benchmarks. The first call with some size makes it,
 * which takes a minute or two for millions of rows, and keeps it; later calls start on a copy.
 */
export async function prepareBenchServer(
  size: BenchSize,
  options: PrepareOptions = {},
): Promise<BenchServer> {
  const progress = options.progress ?? ((): void => undefined);
  const version = await MysqlServer.install(progress);
  const name = `${size.rows}-rows-${size.changes}-changes-mysql-${version}-${RECIPE}`;
  const folder = join(options.cache ?? join(cacheFolder(), "bench"), name);
  await withFileLock(`${folder}.lock`, async () => {
    if (await isThere(folder)) return;
    await makeFolder(folder, (fresh) => prepare(fresh, { size, progress }));
  });
  const facts = JSON.parse(await readFile(join(folder, "workload.json"), "utf8")) as BenchWorkload;
  const server = await MysqlServer.start(FLAGS, { copyOf: join(folder, "data"), notice: progress });
  return { server, workload: facts, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function prepare(
  folder: string,
  options: { readonly size: BenchSize; readonly progress: (line: string) => void },
): Promise<void> {
  // Leaving the block stops the server cleanly: its data will be copied.
  await using server = await MysqlServer.start(FLAGS, {
    dataDir: join(folder, "data"),
    notice: options.progress,
  });
  await using session = await TestConnection.open(server.url);
  await load(session, options);
  const facts = await change(session, options);
  await writeFile(join(folder, "workload.json"), `${JSON.stringify(facts, null, 2)}\n`);
}

async function load(
  session: TestConnection,
  options: { readonly size: BenchSize; readonly progress: (line: string) => void },
): Promise<void> {
  const { rows } = options.size;
  options.progress(`loading two tables of ${rows} rows`);
  await session.run(
    `SET cte_max_recursion_depth = 10000000, sql_log_bin = 0;
     CREATE DATABASE snap; CREATE DATABASE shop; USE snap; ${BENCH_DDL}`,
  );
  for (let from = 1; from <= rows; from += LOAD_ROWS) {
    await session.run(loadStatement(from, Math.min(rows, from + LOAD_ROWS - 1)));
  }
  await session.run("CREATE TABLE shop.orders LIKE snap.orders");
  for (let from = 1; from <= rows; from += LOAD_ROWS) {
    await session.run(
      `INSERT INTO shop.orders SELECT * FROM snap.orders WHERE id BETWEEN ${from} AND ${from + LOAD_ROWS - 1}`,
    );
  }
  await session.rows("ANALYZE TABLE snap.orders, shop.orders");
}

async function change(
  session: TestConnection,
  options: { readonly size: BenchSize; readonly progress: (line: string) => void },
): Promise<BenchWorkload> {
  options.progress(`making ${options.size.changes} changes`);
  // The GTID history begins with the marker's, since some tools refuse to start from an empty set.
  await session.run(
    `SET sql_log_bin = 1; RESET BINARY LOGS AND GTIDS; CREATE DATABASE marker;
     CREATE TABLE marker.done (id INT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
     FLUSH BINARY LOGS; USE shop`,
  );
  const start = await place(session);
  const made = { updates: 0, inserts: 0, deletes: 0, transactions: 0 };
  for (const transaction of workload({ ...options.size, random: seededRandom(SEED) })) {
    await session.run(transaction.sql);
    made.updates += transaction.updates;
    made.inserts += transaction.inserts;
    made.deletes += transaction.deletes;
    made.transactions++;
  }
  const end = await place(session);
  // A row elsewhere, from which a reader can tell that the changes are over.
  await session.run("INSERT INTO marker.done VALUES ()");
  const [final] = (await session.rows(
    `SELECT COUNT(*), CAST(SUM(qty) AS CHAR), CAST(SUM(price) AS CHAR),
       CAST(SUM(CRC32(CONCAT_WS('|', id, qty, price, status, note))) AS CHAR) FROM shop.orders`,
  )) as [[string, string, string, string]];
  const [rows, quantity, price, crc] = final;
  return {
    ...options.size,
    ...made,
    start,
    end,
    binlogBytes: start.file === end.file ? end.position - start.position : null,
    final: { rows, quantity, price, crc },
  };
}

async function place(session: TestConnection): Promise<BinlogPlace> {
  const [row] = (await session.rows("SHOW BINARY LOG STATUS")) as [
    [string, string | number, string, string, string],
  ];
  const [file, position, , , gtids] = row;
  return { file, position: Number(position), gtids: gtids.replaceAll("\n", "") };
}
