import type { TestConnection } from "./mysql-connection.ts";

/** Tables that a random history changes; others that it makes for a while begin with `_`. */
export const DDL_TABLES = ["a", "b", "c"] as const;

export const MAKE_DDL_TABLES = DDL_TABLES.map(
  (name, i) => `
    CREATE TABLE ${name} (id INT PRIMARY KEY, v VARCHAR(20), n INT);
    INSERT INTO ${name} VALUES ${Array.from({ length: 40 + 30 * i }, (_, k) => `(${k}, '${k}.6', ${k * i})`).join(", ")}`,
).join("; ");

type Random = () => number;

interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly isKey: boolean;
}

const pick = <T>(list: readonly T[], random: Random): T => {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("a list to pick from is empty");
  return found;
};

const text = (value: unknown): string => {
  if (typeof value === "string") return value;
  throw new Error("a text was expected of the catalogue");
};

const TYPES = [
  ...["INT", "BIGINT UNSIGNED", "SMALLINT", "DECIMAL(12,3)", "DOUBLE", "VARCHAR(30)", "CHAR(9)", "TEXT"],
  ...["VARBINARY(20)", "DATETIME(3)", "DATE", "JSON", "ENUM('x','y','7')", "BIT(9)"],
];
const CHARSETS = ["latin1", "utf8mb4", "utf16"];

/**
 * Writes a history of statements that change rows and definitions at random, as far as the server takes them: one that
 * it refuses is no part of the history.
 */
export class DdlHistory {
  readonly #session: TestConnection;
  readonly #random: Random;
  #names = 0;
  #nextId = 1000;
  /** Statements that changed a definition, and those that were refused. */
  readonly count = { ddl: 0, dml: 0, refused: 0 };

  constructor(session: TestConnection, random: Random) {
    this.#session = session;
    this.#random = random;
  }

  /** One step: some changes of rows, and in every other one a change of a definition. */
  async step(): Promise<void> {
    const random = this.#random;
    for (let i = Math.floor(random() * 4); i >= 0; i--) await this.#dml(pick(DDL_TABLES, random));
    if (random() < 0.5) await this.#ddl(pick(DDL_TABLES, random));
  }

  async #try(kind: "ddl" | "dml", text: string): Promise<boolean> {
    try {
      await this.#session.run(text);
      this.count[kind]++;
      return true;
    } catch {
      this.count.refused++;
      return false;
    }
  }

  async #columns(table: string): Promise<readonly ColumnFacts[]> {
    const rows = await this.#session.rows(
      `SELECT column_name, data_type, column_key FROM information_schema.columns
       WHERE table_schema = DATABASE() AND table_name = '${table}' AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position`,
    );
    return rows.map(([name, type, key]) => ({ name: text(name), type: text(type), isKey: key === "PRI" }));
  }

  async #dml(table: string): Promise<void> {
    const random = this.#random;
    const columns = await this.#columns(table);
    const values = columns.filter(({ isKey }) => !isKey);
    const set = values
      .filter(() => random() < 0.5)
      .map(({ name, type }) => `\`${name}\` = ${valueOf(type, random)}`)
      .join(", ");
    const some = `\`${columns[0]?.name ?? "id"}\` % 7 = ${Math.floor(random() * 7)}`;
    const kind = random();
    if (kind < 0.45) {
      const names = columns.map(({ name }) => `\`${name}\``).join(", ");
      const row = columns.map(({ type, isKey }) => (isKey ? `${this.#nextId++}` : valueOf(type, random)));
      await this.#try("dml", `INSERT INTO ${table} (${names}) VALUES (${row.join(", ")})`);
    } else if (kind < 0.8 && set !== "")
      await this.#try("dml", `UPDATE ${table} SET ${set} WHERE ${some} LIMIT 9`);
    else await this.#try("dml", `DELETE FROM ${table} WHERE ${some} LIMIT 3`);
  }

  async #ddl(table: string): Promise<void> {
    const random = this.#random;
    const columns = await this.#columns(table);
    const free = columns.filter(({ isKey }) => !isKey);
    const other = pick(DDL_TABLES, random);
    const one = free.length === 0 ? null : pick(free, random).name;
    const fresh = `c${++this.#names}`;
    const type = pick(TYPES, random);
    const place = pick(["", " FIRST", ` AFTER \`${pick(columns, random).name}\``], random);
    const texts: readonly (string | null)[] = [
      `ALTER TABLE ${table} ADD COLUMN ${fresh} ${type}${place}`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} INT NOT NULL DEFAULT ${Math.floor(random() * 100)}${place}`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} INT AS (id * 2) ${pick(["STORED", "VIRTUAL"], random)}`,
      one === null ? null : `ALTER TABLE ${table} DROP COLUMN \`${one}\``,
      one === null ? null : `ALTER TABLE ${table} RENAME COLUMN \`${one}\` TO ${fresh}`,
      one === null
        ? null
        : `SET SESSION sql_mode = ''; ALTER TABLE ${table} MODIFY \`${one}\` ${type}${place}; SET SESSION sql_mode = DEFAULT`,
      one === null
        ? null
        : `ALTER TABLE ${table} ALTER COLUMN \`${one}\` SET ${pick(["VISIBLE", "INVISIBLE"], random)}`,
      one === null ? null : `ALTER TABLE ${table} ADD INDEX (\`${one}\`), COMMENT 'x${fresh}'`,
      `ALTER TABLE ${table} CONVERT TO CHARACTER SET ${pick(CHARSETS, random)}`,
      `ALTER TABLE ${table} MODIFY id BIGINT`,
      `ALTER TABLE ${table} PARTITION BY HASH (id) PARTITIONS 3`,
      `ALTER TABLE ${table} TRUNCATE PARTITION p1`,
      `ALTER TABLE ${table} REMOVE PARTITIONING`,
      `ALTER TABLE ${table} FORCE`,
      `TRUNCATE TABLE ${table}`,
      `BEGIN; INSERT INTO ${table} (id) VALUES (${this.#nextId++}); ALTER TABLE ${table} ADD ${fresh} INT; INSERT INTO ${table} (id) VALUES (${this.#nextId++}); COMMIT`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} INT NOT NULL DEFAULT 1, DROP PRIMARY KEY, ADD PRIMARY KEY (${fresh}, id)`,
      `ALTER TABLE ${table} DROP PRIMARY KEY, ADD PRIMARY KEY (id)`,
      other === table ? null : `RENAME TABLE ${table} TO _x, ${other} TO ${table}, _x TO ${other}`,
      `DROP TABLE ${table}; CREATE TABLE ${table} (id INT PRIMARY KEY, ${fresh} ${type}); INSERT INTO ${table} (id) VALUES (1), (2)`,
      // As the tools for changes online do it.
      `CREATE TABLE _gho LIKE ${table}; ALTER TABLE _gho ADD ${fresh} INT DEFAULT 4; INSERT INTO _gho (id) SELECT id FROM ${table}; RENAME TABLE ${table} TO _del, _gho TO ${table}; DROP TABLE _del`,
    ];
    const text = pick(
      texts.filter((candidate) => candidate !== null),
      random,
    );
    await this.#try("ddl", text);
    await this.#session.run("DROP TABLE IF EXISTS _x, _gho, _del");
  }
}

function valueOf(type: string, random: Random): string {
  const number = Math.floor(random() * 300);
  switch (type) {
    case "json":
      return `JSON_OBJECT('k', ${number})`;
    case "date":
      return `DATE '2020-01-01' + INTERVAL ${number} DAY`;
    case "datetime":
      return `TIMESTAMP '2020-01-01 10:00:00.125' + INTERVAL ${number} HOUR`;
    case "enum":
      return number % 2 === 0 ? "'x'" : "NULL";
    case "char":
    case "text":
    case "varbinary":
    case "varchar":
      return `'${number}${"é".repeat(number % 3)}'`;
    default:
      return String(number);
  }
}
