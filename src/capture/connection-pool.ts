import { connectMysql, type MysqlConnection } from "./connection.ts";
import type { SourceEndpoint } from "./connection-options.ts";

/** Sessions that are used in turn. One that a failed use left broken is dropped, not put back. */
export class ConnectionPool {
  readonly #endpoint: SourceEndpoint;
  readonly #idle: MysqlConnection[] = [];

  constructor(endpoint: SourceEndpoint) {
    this.#endpoint = endpoint;
  }

  /** @throws what `use` throws, and what `connectMysql` throws */
  async use<T>(use: (connection: MysqlConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const connection = this.#idle.pop() ?? (await connectMysql(this.#endpoint, signal));
    try {
      const result = await use(connection);
      this.#idle.push(connection);
      return result;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }
}
