import { randomBytes } from "node:crypto";
import { MysqlServer, type MysqlServerOptions } from "../../scripts/mysql/server.ts";
import { TestConnection } from "./mysql-connection.ts";

/** A server to which a test may do everything. */
export class TestMysql {
  /** `mysql://user:password@host:port`, without a database. */
  readonly url: string;
  readonly #charset: string | undefined;

  /** `charset` is the collation of sessions, for servers that do not know MySQL's own. */
  constructor(url: string, charset?: string) {
    this.url = url.replace(/\/+$/, "");
    this.#charset = charset;
  }

  connect(database?: string): Promise<TestConnection> {
    return TestConnection.open(this.url, database, this.#charset);
  }

  /** A new database with a name that no other test has. */
  async database(): Promise<TestDatabase> {
    // The lower case keeps it the same name on servers that fold table names.
    const name = `t_${process.pid.toString(36)}_${randomBytes(5).toString("hex")}`;
    const connection = await this.connect();
    await connection.run(`CREATE DATABASE ${name}; USE ${name}`);
    return new TestDatabase(name, { connection, server: this });
  }
}

/** A database of one test and a session that uses it; `await using` drops it. */
export class TestDatabase implements AsyncDisposable {
  readonly name: string;
  readonly connection: TestConnection;
  readonly server: TestMysql;

  constructor(name: string, parts: { readonly connection: TestConnection; readonly server: TestMysql }) {
    this.name = name;
    this.connection = parts.connection;
    this.server = parts.server;
  }

  /** `mysql://user:password@host:port/database`. */
  get url(): string {
    return `${this.server.url}/${this.name}`;
  }

  /** Another session in this database. */
  connect(): Promise<TestConnection> {
    return this.server.connect(this.name);
  }

  run(...args: Parameters<TestConnection["run"]>): Promise<number> {
    return this.connection.run(...args);
  }

  rows(...args: Parameters<TestConnection["rows"]>): ReturnType<TestConnection["rows"]> {
    return this.connection.rows(...args);
  }

  value(...args: Parameters<TestConnection["value"]>): ReturnType<TestConnection["value"]> {
    return this.connection.value(...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using last = this.connection;
    await last.run(`DROP DATABASE IF EXISTS ${this.name}`);
  }
}

/** A server of the test's own; `process` stops, kills and restarts it. */
export class PrivateMysql extends TestMysql implements AsyncDisposable {
  readonly process: MysqlServer;

  constructor(process: MysqlServer, charset?: string) {
    super(process.url, charset);
    this.process = process;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** A server of the test's own. Prefer the fixture `startMysql`, which skips when there can be none. */
export async function privateServer(
  flags: readonly string[] = [],
  options: MysqlServerOptions = {},
): Promise<PrivateMysql> {
  return new PrivateMysql(await MysqlServer.start(flags, { notice: () => undefined, ...options }));
}
