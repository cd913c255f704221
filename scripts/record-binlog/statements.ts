/**
 * What a server is made to write so that its binlog has every kind of event and of column that we read: tables of a
 * few columns each, since an event of many columns hides one changed byte among thousands.
 */
export interface RecordedTable {
  readonly name: string;
  /** Columns and keys behind `id INT NOT NULL`. */
  readonly definition: string;
  /** Lists of values behind the id. */
  readonly rows: readonly string[];
  /** For an UPDATE that leaves the key alone. */
  readonly change: string;
}

const shape = (text: string, srid = 0): string => `ST_GeomFromText('${text}', ${srid})`;

const JSON_DOCUMENTS = [
  `'{"a": [1, -1, 70000, -70000, 5000000000, 18446744073709551615], "b": {"c": null, "": true}, "é🐬": "x\\\\ny"}'`,
  "JSON_ARRAY(1.5e300, -0.0, CAST(1.10 AS DECIMAL(5,2)), CAST('2024-02-29 01:02:03.4' AS DATETIME(6)), CAST('-01:02:03' AS TIME))",
  `JSON_OBJECT('b', CAST(X'00FF' AS BINARY), 'c', REPEAT('q', 200), 'p', ${shape("POINT(1 2)")})`,
  "'\"text\"'",
];

export const RECORDED_TABLES: readonly RecordedTable[] = [
  {
    name: "integers",
    definition:
      "a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT UNSIGNED, e BIGINT, f BIGINT UNSIGNED, y YEAR, PRIMARY KEY (id, b)",
    rows: [
      "-128, 65535, -8388608, 0, -9223372036854775808, 18446744073709551615, 2155",
      "1, 2, 3, 4, 5, 6, 0",
    ],
    change: "a = 7, f = 0",
  },
  {
    name: "numbers",
    definition:
      "a DECIMAL(5,2), b DECIMAL(18,9), c DECIMAL(65,30), f FLOAT, g DOUBLE, p BIT(1), q BIT(12), r BIT(64), PRIMARY KEY (id)",
    rows: [
      "-999.99, 123456789.987654321, -1e-30, 0.1, -5e-324, 1, 2748, 18446744073709551615",
      "0, -1, 9e34, -3e38, 1e22, 0, 0, 1",
    ],
    change: "a = 1.5, g = 0.1",
  },
  {
    name: "times",
    definition:
      "a DATE, b TIME, c TIME(6), d DATETIME, e DATETIME(3), f TIMESTAMP NULL, g TIMESTAMP(5) NULL, PRIMARY KEY (id)",
    rows: [
      "'0001-01-01', '-838:59:59', '-00:00:00.000001', '9999-12-31 23:59:59', '1969-12-31 23:59:59.999', '2038-01-19 03:14:07', '1970-01-01 00:00:01.00001'",
      "'2024-02-29', '00:00:01', '12:34:56.789', '0000-00-00', '2020-00-01 01:02:03.5', '2024-03-31 02:30:00', NULL",
    ],
    change: "a = '2000-02-29', c = NULL",
  },
  {
    name: "texts",
    definition:
      "a CHAR(10) CHARACTER SET utf8mb4 NOT NULL, b VARCHAR(300) CHARACTER SET utf8mb4, c TINYTEXT CHARACTER SET latin1, d TEXT CHARACTER SET utf8mb3, e VARCHAR(20) CHARACTER SET utf16, f VARCHAR(9) CHARACTER SET greek, PRIMARY KEY (a, id)",
    rows: [`'k🐬', REPEAT('é"\\n', 60), _latin1 X'80E9', 'żółć', 'aż🐬', 'Ωα'`, "'', '', '', '', '', ''"],
    change: "b = 'other', e = 'ż'",
  },
  {
    name: "bytes",
    definition:
      "a BINARY(4), b VARBINARY(300), c BLOB, d LONGBLOB, s GEOMETRY, v VECTOR(5), PRIMARY KEY (id)",
    rows: [
      `X'00FF', REPEAT(X'0A', 260), X'00', REPEAT(X'C3', 300), ${shape("POINT(52.5 13.4)", 4326)}, STRING_TO_VECTOR('[1, -0, 0.1]')`,
      `'', '', '', '', ${shape("LINESTRING(0 0, 1 1, 2 0)")}, STRING_TO_VECTOR('[7]')`,
    ],
    change: "a = X'01', s = NULL",
  },
  {
    name: "members",
    definition: `a ENUM('x', 'y,', 'ü"') CHARACTER SET utf8mb4, b SET('p', 'q r', '''s', 'ż') CHARACTER SET latin2, c ENUM(${Array.from({ length: 300 }, (_, i) => `'m${i}'`).join(",")}), PRIMARY KEY (id)`,
    rows: ["'x', 'p,q r', 'm299'", "'', '', 'm0'"],
    change: "a = 'y,', c = 'm255'",
  },
  {
    name: "documents",
    definition: "j JSON, k JSON, PRIMARY KEY (id)",
    rows: JSON_DOCUMENTS.map(
      (one, i) => `${one}, ${JSON_DOCUMENTS[(i + 1) % JSON_DOCUMENTS.length] ?? "NULL"}`,
    ),
    change: "k = j",
  },
];

/** Of a table that nobody keeps. */
const FOREIGN = "INSERT INTO foreign_rows VALUES (1, 'x'), (2, NULL)";

const insert = ({ name, rows }: RecordedTable): string =>
  `INSERT INTO ${name} VALUES ${rows.map((row, i) => `(${i + 1}, ${row})`).join(", ")}`;

export const SCHEMA: readonly string[] = [
  ...RECORDED_TABLES.map(({ name, definition }) => `CREATE TABLE ${name} (id INT NOT NULL, ${definition})`),
  "CREATE TABLE foreign_rows (id INT PRIMARY KEY, v VARCHAR(9))",
];

/** One transaction each, or some that belong together. */
export const HISTORY: readonly string[] = [
  ...RECORDED_TABLES.map(insert),
  ...RECORDED_TABLES.map(({ name, change }) => `UPDATE ${name} SET ${change} WHERE id = 1`),
  ...RECORDED_TABLES.map(({ name }) => `UPDATE ${name} SET id = 9 WHERE id = 2`),
  `BEGIN; ${FOREIGN}; UPDATE integers SET a = 3; SAVEPOINT s; DELETE FROM numbers WHERE id = 9; ROLLBACK TO s; DELETE FROM foreign_rows; COMMIT`,
  "SET SESSION binlog_rows_query_log_events = ON; UPDATE integers SET a = 4 WHERE id = 9; SET SESSION binlog_rows_query_log_events = OFF",
  "SET gtid_next = 'AUTOMATIC:tag_1'; UPDATE integers SET a = 5 WHERE id = 9; SET gtid_next = 'AUTOMATIC'",
  `SET SESSION binlog_transaction_compression = ON; BEGIN; UPDATE texts SET b = REPEAT('z', 300); ${FOREIGN}; DELETE FROM times WHERE id = 1; COMMIT; SET SESSION binlog_transaction_compression = OFF`,
  "XA START 'x', 'y', 7; UPDATE integers SET a = 6; XA END 'x', 'y', 7; XA COMMIT 'x', 'y', 7 ONE PHASE",
  "XA START 'p'; UPDATE numbers SET a = 6; XA END 'p'; XA PREPARE 'p'; XA COMMIT 'p'",
  "XA START 'r'; UPDATE numbers SET a = 7; XA END 'r'; XA PREPARE 'r'; XA ROLLBACK 'r'",
  "SET SESSION binlog_row_image = MINIMAL; UPDATE times SET b = '01:00:00'; SET SESSION binlog_row_image = FULL",
  "SET SESSION binlog_row_value_options = PARTIAL_JSON; UPDATE documents SET j = JSON_SET(j, '$.b.c', 'new', '$[0]', 7) WHERE id IN (1, 2, 9); SET SESSION binlog_row_value_options = ''",
  "SET SESSION binlog_format = STATEMENT; SET @v = 5; UPDATE integers SET a = @v + RAND() WHERE id = 1; INSERT INTO numbered (v) VALUES (1); SET SESSION binlog_format = ROW",
  "ALTER TABLE foreign_rows ADD w INT",
  "CREATE TABLE made AS SELECT * FROM foreign_rows",
  "CREATE TEMPORARY TABLE brief (id INT); DROP TEMPORARY TABLE brief",
  "DROP DATABASE IF EXISTS no_such_database",
  "FLUSH BINARY LOGS",
  ...RECORDED_TABLES.map(({ name }) => `DELETE FROM ${name}`),
  "TRUNCATE TABLE integers",
];
