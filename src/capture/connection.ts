import { createConnection } from "mysql2";
import { throwIfAborted } from "../util/abort.ts";
import { driverOptions, type SourceEndpoint } from "./connection-options.ts";
import { driverError } from "./driver-error.ts";
import type { Dialect } from "./dialect.ts";
import { MYSQL } from "./mysql-dialect.ts";
import { dialectOf } from "./server-version.ts";
import { textRow, type TextRow } from "./text-row.ts";

/**
 * Sees a row packet, whose values lie between `from` and `to`; the bytes are valid during the call only.
 * A promise stops the reading from the socket until it resolves.
 */
export type PacketHandler = (packet: Uint8Array, from: number, to: number) => Promise<void> | null;

/** A session at the source, pinned to the settings of `session-settings.ts`. One statement at a time. */
export interface MysqlConnection {
  /** `VERSION()` of the server. */
  readonly version: string;
  readonly dialect: Dialect;
  /** Id of the session at the server. */
  readonly threadId: number;
  readonly encrypted: boolean;
  /** All rows of a small result. `?` stands for the values in turn, so no name goes into such a statement. */
  query(sql: string, values?: readonly (string | number)[]): Promise<readonly TextRow[]>;
  /**
   * Hands over the rows of a result as they come, as the binary protocol has them. The statement is prepared for
   * this once: numbers then need not be printed by the server and read again. An abort ends the connection.
   */
  readPackets(sql: string, onPacket: PacketHandler, signal?: AbortSignal): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
  /** Drops the connection, also in the middle of a result. */
  destroy(): void;
}

/** What we use of the driver's packet, and of the command that `query` returns. */
interface DriverPacket {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}
type PacketState = (this: DriverCommand, packet: DriverPacket, connection: unknown) => unknown;
interface DriverCommand {
  /** The state in which it takes rows. */
  readonly row: PacketState;
  /** The state in which it takes the next packet. */
  next: unknown;
  execute: PacketState;
}
interface DriverStatement {
  execute(values: readonly [], callback: DriverCallback): DriverCommand;
}

type DriverCallback = (error: Error | null | undefined) => void;
type PrepareCallback = (error: Error | null | undefined, statement: DriverStatement) => void;

interface Statement {
  readonly sql: string;
  readonly values?: readonly (string | number)[];
}

/** What we use of the driver's connection. */
interface Driver {
  readonly threadId: number;
  /** Changes when the connection becomes encrypted. */
  readonly stream: { destroy(): void };
  query(statement: Statement, callback: DriverCallback): DriverCommand;
  prepare(statement: { readonly sql: string }, callback: PrepareCallback): void;
  /** Tells the server, which does not answer. */
  unprepare(statement: { readonly sql: string }): void;
  ping(callback: DriverCallback): void;
  connect(callback: DriverCallback): void;
  end(callback: DriverCallback): void;
  pause(): void;
  resume(): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/**
 * Opens and pins a session.
 * @throws SyncError SOURCE_UNREACHABLE, SOURCE_ACCESS_DENIED, SOURCE_TLS, SOURCE_NOT_SUPPORTED
 */
export async function connectMysql(endpoint: SourceEndpoint, signal?: AbortSignal): Promise<MysqlConnection> {
  throwIfAborted(signal);
  const where = `${endpoint.host}:${endpoint.port}`;
  // Without generated parsers no name of a column gets into code: the driver refuses `__proto__` in them.
  const options = { ...driverOptions(endpoint), disableEval: true, dateStrings: true };
  const driver = createConnection(options) as unknown as Driver;
  // An error between two statements has no other listener; the next statement fails and tells.
  driver.on("error", () => undefined);
  const connection = new Connection(driver, { where, encrypted: endpoint.tls.mode !== "off" });
  const onAbort = (): void => connection.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await connection.open();
    return connection;
  } catch (error) {
    connection.destroy();
    throwIfAborted(signal);
    throw driverError(error, { step: `connect to MySQL at ${where}`, connecting: true });
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

class Connection implements MysqlConnection {
  version = "";
  dialect: Dialect = MYSQL;
  readonly encrypted: boolean;
  readonly #driver: Driver;
  readonly #where: string;
  /** Fails the call that is under way. */
  #fail: (error: Error) => void = () => undefined;

  constructor(driver: Driver, options: { readonly where: string; readonly encrypted: boolean }) {
    this.#driver = driver;
    this.#where = options.where;
    this.encrypted = options.encrypted;
  }

  get threadId(): number {
    return this.#driver.threadId;
  }

  async open(): Promise<void> {
    await this.#settled((done) => this.#driver.connect(done));
    const [row] = await this.query("SELECT VERSION()");
    this.version = row?.[0] ?? "";
    this.dialect = dialectOf(this.version);
    for (const statement of this.dialect.sessionStatements) await this.query(statement);
  }

  async query(sql: string, values?: readonly (string | number)[]): Promise<readonly TextRow[]> {
    const rows: TextRow[] = [];
    const statement = values === undefined ? { sql } : { sql, values };
    const onPacket: PacketHandler = (packet, from, to) => {
      rows.push(textRow(packet, from, to));
      return null;
    };
    await this.#rows((done) => this.#driver.query(statement, done), onPacket);
    return rows;
  }

  async readPackets(sql: string, onPacket: PacketHandler, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const onAbort = (): void => this.destroy();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const statement = await this.#prepare(sql);
      await this.#rows((done) => statement.execute([], done), onPacket);
      this.#driver.unprepare({ sql });
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async ping(): Promise<void> {
    try {
      await this.#settled((done) => this.#driver.ping(done));
    } catch (error) {
      throw driverError(error, { step: `reach MySQL at ${this.#where}` });
    }
  }

  async close(): Promise<void> {
    // Whether the farewell arrives does not matter: the server drops the session with the socket.
    await this.#settled((done) => this.#driver.end(() => done(null)));
    this.#driver.stream.destroy();
  }

  destroy(): void {
    // The driver's own `destroy` only ends its side, and never calls back the statement that is under way.
    this.#driver.stream.destroy();
    this.#fail(Object.assign(new Error("the connection was dropped"), { fatal: true }));
  }

  async #prepare(sql: string): Promise<DriverStatement> {
    const prepared = Promise.withResolvers<DriverStatement>();
    try {
      await this.#settled((done) => {
        this.#driver.prepare({ sql }, (error, statement) => {
          prepared.resolve(statement);
          done(error);
        });
      });
      return await prepared.promise;
    } catch (error) {
      throw driverError(error, { step: `query MySQL at ${this.#where}` });
    }
  }

  /** Starts a command that gives rows, and hands them over. */
  async #rows(start: (done: DriverCallback) => DriverCommand, onPacket: PacketHandler): Promise<void> {
    const failures: unknown[] = [];
    const fail = (error: unknown): void => {
      failures.push(error);
      this.destroy();
    };
    try {
      await this.#settled((done) => {
        const command = start(done);
        takeRows(command, rowState(this.#driver, { original: command.row, onPacket, fail }));
      });
    } catch (error) {
      // What went wrong in the handler is not the connection's fault.
      if (failures.length > 0) throw failures[0];
      throw driverError(error, { step: `query MySQL at ${this.#where}` });
    }
  }

  #settled(call: (done: DriverCallback) => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      call((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/**
 * Has our state take the rows in place of the driver's. `execute` gives a packet to the state in `next`, which is
 * the only place at which all kinds of commands can be met.
 */
function takeRows(command: DriverCommand, state: PacketState): void {
  const { execute, row } = command;
  command.execute = function (packet, connection) {
    const isDone = execute.call(this, packet, connection);
    if (this.next === row) {
      this.next = state;
      this.execute = execute;
    }
    return isDone;
  };
}

interface RowHandling {
  readonly original: PacketState;
  readonly onPacket: PacketHandler;
  readonly fail: (error: unknown) => void;
}

/**
 * The state of the driver's query command in which it takes row packets. It makes a JavaScript value of each
 * column; in its place ours hands over the bytes. The end of the rows is left to the original.
 */
function rowState(driver: Driver, { original, onPacket, fail }: RowHandling): PacketState {
  let failed = false;
  const failOnce = (error: unknown): void => {
    failed = true;
    fail(error);
  };
  const row: PacketState = function (packet, connection) {
    if (packet.isEOF()) return original.call(this, packet, connection);
    if (failed) return row;
    try {
      const wait = onPacket(packet.buffer, packet.offset, packet.end);
      if (wait !== null) {
        driver.pause();
        wait.then(() => driver.resume(), failOnce);
      }
    } catch (error) {
      failOnce(error);
    }
    return row;
  };
  return row;
}
