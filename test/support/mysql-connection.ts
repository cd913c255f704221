import { createConnection, type Connection } from "mysql2/promise";

/** What comes back for a value: exact texts, and numbers only where they cannot lose a digit. */
export type SqlValue = string | number | Buffer | null;

const MYSQL_CHARSET = "utf8mb4_0900_ai_ci";

/**
 * A session for the test's own statements, several in one text if need be. It says what MySQL itself
 * says: BIGINT, DECIMAL, JSON and times as text, binary strings as bytes, rows as arrays.
 */
export class TestConnection implements AsyncDisposable {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async open(url: string, database?: string, charset = MYSQL_CHARSET): Promise<TestConnection> {
    const { hostname, port, username, password, pathname } = new URL(url);
    const inUrl = decodeURIComponent(pathname.slice(1));
    const name = database ?? inUrl;
    const connection = await createConnection({
      host: hostname,
      port: Number(port === "" ? 3306 : port),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      ...(name === "" ? {} : { database: name }),
      charset,
      timezone: "Z",
      multipleStatements: true,
      rowsAsArray: true,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      // Without this flag the server counts the rows that an UPDATE changed, as the binlog has them.
      flags: ["-FOUND_ROWS"],
    });
    return new TestConnection(connection);
  }

  /** The driver's own connection, for what this class does not offer. */
  get raw(): Connection {
    return this.#connection;
  }

  /** The rows of a SELECT or SHOW. */
  async rows(sql: string, values: readonly SqlValue[] = []): Promise<SqlValue[][]> {
    const [rows] = await this.#connection.query(sql, [...values]);
    return rows as SqlValue[][];
  }

  /** The one value of a SELECT of one row and column. */
  async value(sql: string, values: readonly SqlValue[] = []): Promise<SqlValue> {
    const rows = await this.rows(sql, values);
    const value = rows[0]?.[0];
    if (rows.length !== 1 || rows[0]?.length !== 1 || value === undefined) {
      throw new Error(`not one value but ${rows.length} rows: ${sql}`);
    }
    return value;
  }

  /** The GTIDs of all that is committed, as the server writes them. */
  async executedGtids(): Promise<string> {
    const isMariadb = String(await this.value("SELECT VERSION()")).includes("MariaDB");
    const variable = isMariadb ? "gtid_binlog_pos" : "gtid_executed";
    return String(await this.value(`SELECT @@GLOBAL.${variable}`));
  }

  /** Runs statements that return no rows; how many rows they changed in all. */
  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    const [result] = await this.#connection.query(sql, [...values]);
    const headers = (Array.isArray(result) ? result : [result]) as { readonly affectedRows?: number }[];
    return headers.reduce((sum, header) => sum + (header.affectedRows ?? 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.end();
  }
}
