import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { placeIn, type Oracle, type Place } from "./oracle.ts";
import { tempDir, type TempDir } from "./temp-dir.ts";
import type { TestMysql } from "./test-mysql.ts";
import {
  configure,
  errorsOf,
  runTool,
  ToolRun,
  type PlaceConfig,
  type ToolEnd,
  type ToolOptions,
} from "./tool-run.ts";
import { waitFor } from "./wait-for.ts";

export const INIT = ["init"];
export const CATCH_UP = ["follow", "--until-caught-up"];

export interface BadDayOptions {
  readonly server: TestMysql;
  readonly oracle: Oracle;
  /** Makes the tables. */
  readonly sql: string;
  /** What of the config is not as usual. */
  readonly config?: Partial<PlaceConfig>;
  readonly env?: Readonly<Record<string, string>>;
}

let days = 0;

/** A database and a lake for it, and questions about both: what a test of trouble begins with and ends with. */
export class BadDay implements AsyncDisposable {
  readonly place: Place;
  readonly database: string;
  readonly #options: BadDayOptions;
  readonly #dir: TempDir;

  private constructor(options: BadDayOptions, dir: TempDir, database: string) {
    this.#options = options;
    this.#dir = dir;
    this.place = placeIn(dir.path);
    this.database = database;
  }

  static async begin(options: BadDayOptions): Promise<BadDay> {
    const database = `day_${process.pid.toString(36)}_${++days}`;
    const day = new BadDay(options, await tempDir(), database);
    await day.configure();
    await using admin = await options.server.connect();
    await admin.run(`CREATE DATABASE ${database}; USE ${database}; ${options.sql}`);
    return day;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using admin = await this.#options.server.connect();
    // A transaction that a failed test left open must not hold it up.
    await admin.run(`SET SESSION lock_wait_timeout = 10; DROP DATABASE IF EXISTS ${this.database}`);
    await this.#dir[Symbol.asyncDispose]();
  }

  /** Writes the config anew. */
  async configure(change: Partial<PlaceConfig> = {}): Promise<void> {
    const { server, config } = this.#options;
    await configure(this.place, { url: server.url, tables: [`${this.database}.*`], ...config, ...change });
  }

  /** Statements in a session of their own. */
  async sql(text: string): Promise<void> {
    await using session = await this.#options.server.connect(this.database);
    await session.run(text);
  }

  async run(args: readonly string[], options: ToolOptions = {}): Promise<ToolEnd> {
    return runTool(this.place, args, this.#withEnv(options));
  }

  start(args: readonly string[], options: ToolOptions = {}): ToolRun {
    return ToolRun.start(this.place, args, this.#withEnv(options));
  }

  #withEnv(options: ToolOptions): ToolOptions {
    return { ...options, env: { ...this.#options.env, ...options.env } };
  }

  /** Exit code and errors, where this database is `d`, a server or its transactions `S`, the place `P`. */
  async outcome(args: readonly string[], options: ToolOptions = {}): Promise<readonly (number | string)[]> {
    return this.told(await this.run(args, options));
  }

  told(end: ToolEnd): readonly (number | string)[] {
    return [end.exitCode, ...errorsOf(end).map((text) => this.anonymous(text))];
  }

  anonymous(text: string): string {
    return text
      .replaceAll(this.database, "d")
      .replaceAll(this.place.dir, "P")
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9:-]+)?/g, "S");
  }

  /** Takes tables anew, as the remedies say: out of the lake, and a first commit again. */
  async takeAnew(...tables: readonly string[]): Promise<ToolEnd> {
    const away = join(this.place.dir, `away_${++days}`);
    await mkdir(away);
    for (const table of tables) await rename(this.tableDir(table), join(away, table));
    return this.run(INIT);
  }

  tableDir(table: string): string {
    return join(this.place.lakeDir, this.database, table);
  }

  /** All that is wrong once the binlog was followed to its end; empty when every cell of the tables is MySQL's. */
  async wrong(...tables: readonly string[]): Promise<readonly unknown[]> {
    const [exitCode, ...errors] = await this.outcome(CATCH_UP);
    const ended = exitCode === 0 ? [] : [`follow ended with ${String(exitCode)}`];
    return [...ended, ...errors, ...(await this.different(...tables))];
  }

  /** How tables of the lake differ from MySQL now. */
  async different(...tables: readonly string[]): Promise<readonly string[]> {
    const { oracle, server } = this.#options;
    await using session = await server.connect();
    const found: string[] = [];
    for (const table of tables)
      found.push(...(await oracle.cells(session, this.place, { database: this.database, table })));
    return found;
  }

  /** Waits until a running `follow` has brought tables to what MySQL has. */
  async same(...tables: readonly string[]): Promise<void> {
    await waitFor(
      `${tables.join(", ")} to be as in MySQL`,
      async () => (await this.different(...tables)).length === 0,
    );
  }
}
