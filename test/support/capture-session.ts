import { connectMysql, type MysqlConnection } from "../../src/capture/connection.ts";
import type { SourceEndpoint } from "../../src/capture/connection-options.ts";
import { readTables } from "../../src/capture/schema-reader.ts";
import { tableSchema, type TableFacts } from "../../src/capture/table-facts.ts";
import { BY_PRIMARY_KEY, type KeyChoice } from "../../src/types/key-choice.ts";
import { tableKey, type TableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { Secret } from "../../src/util/secret.ts";

/** Where the capture stage finds the server of a test, by the URL that tests have. */
export function endpointOf(url: string, changes: Partial<SourceEndpoint> = {}): SourceEndpoint {
  const { hostname, port, username, password } = new URL(url);
  return {
    host: hostname,
    port: Number(port === "" ? 3306 : port),
    user: decodeURIComponent(username),
    password: new Secret(decodeURIComponent(password)),
    tls: { mode: "off", ca: null, cert: null, key: null },
    connectTimeoutMs: 10_000,
    ...changes,
  };
}

/** A session as the capture stage opens it: `await using` closes it. */
export class CaptureSession implements AsyncDisposable {
  readonly connection: MysqlConnection;

  private constructor(connection: MysqlConnection) {
    this.connection = connection;
  }

  static async open(url: string, changes: Partial<SourceEndpoint> = {}): Promise<CaptureSession> {
    return new CaptureSession(await connectMysql(endpointOf(url, changes)));
  }

  async facts(id: TableId): Promise<TableFacts> {
    return must((await readTables(this.connection, [id])).get(tableKey(id)), id.table);
  }

  async schema(id: TableId, choice: KeyChoice = BY_PRIMARY_KEY): Promise<TableSchema> {
    return must(tableSchema(await this.facts(id), choice), `a schema of ${id.table}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}
