import {
  BOUNDARY_ROWS,
  createBoundaryTable,
  insertBoundaryRows,
  updateBoundaryRow,
} from "../support/boundary-table.ts";

/** A table and its history: what is there at the snapshot, and the statements of each commit that follows. */
export interface TableSpec {
  readonly name: string;
  readonly create: string;
  readonly snapshot: readonly string[];
  /** What happens between the reading of its chunks and the first commit, which holds it too. */
  readonly duringSnapshot: readonly string[];
  /** One lake commit each; one without statements is empty, and only moves the checkpoint. */
  readonly commits: readonly (readonly string[])[];
  /** Slices that were replaced are removed at the end, but for the last two. */
  readonly isCleaned?: true;
  /** Changes of one more commit, which is broken off when all of its files are there and it only has to complete. */
  readonly brokenOff?: readonly string[];
}

/** Small enough to be quick, and more than one, so that a commit leaves some file groups alone. */
export const BUCKETS = 4;

const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const values = (rows: readonly string[]): string => rows.map((row) => `(${row})`).join(", ");

/**
 * The bucket that Hudi's rule puts an integer key into: Java's hash of a list of one string. It is written
 * down here once more, since a test that drains a bucket must not learn from the code which keys lie in it.
 */
export function bucketOfNumber(id: number): number {
  let hash = 0;
  for (const digit of String(id)) hash = (Math.imul(31, hash) + digit.charCodeAt(0)) | 0;
  return ((31 + hash) & 0x7fffffff) % BUCKETS;
}

const everyType: TableSpec = {
  name: "every_type",
  create: createBoundaryTable("every_type"),
  snapshot: [insertBoundaryRows("every_type")],
  duringSnapshot: [`UPDATE every_type SET c_int = 42 WHERE id = 1`],
  commits: [
    [
      // Every value once more, this time as the binlog has it: in updates and in inserts.
      ...numbers(1, BOUNDARY_ROWS).map((id) =>
        updateBoundaryRow("every_type", { id, from: (id % BOUNDARY_ROWS) + 1 }),
      ),
      `INSERT INTO every_type (id) VALUES ${values(numbers(101, 100 + BOUNDARY_ROWS).map(String))}`,
      ...numbers(1, BOUNDARY_ROWS).map((id) => updateBoundaryRow("every_type", { id: 100 + id, from: id })),
    ],
    [],
    [`DELETE FROM every_type WHERE id > 105`],
  ],
};

// Hudi writes these keys as `tenant:1,code:…`; here are its own separators and markers inside of a value.
const CODES = ["a:b", "a,b", "tenant:1", "x,y:z", "", "__null__x", "żółw 🐬", "with  spaces", "%3A/\\\"'"];

const orderLine: TableSpec = {
  name: "order_line",
  create: `CREATE TABLE order_line (
  note varchar(100) NOT NULL,
  tenant bigint unsigned NOT NULL,
  code varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  amount decimal(12,2) DEFAULT NULL,
  PRIMARY KEY (tenant, code)
)`,
  snapshot: [
    `INSERT INTO order_line VALUES ${values(numbers(1, 200).map((n) => `'note ${n}', ${n % 7}, 'line ${n}', ${n}.25`))}`,
    `INSERT INTO order_line (note, tenant, code) VALUES ${values(CODES.map((code, i) => `'code ${i}', 18446744073709551615, ${quoted(code)}`))}`,
  ],
  duringSnapshot: [
    `DELETE FROM order_line WHERE tenant = 2 AND amount < 100`,
    `INSERT INTO order_line VALUES ('late', 2, 'line 2', 1), ('later', 2, 'line 1000', 2)`,
    `UPDATE order_line SET tenant = 77 WHERE tenant = 0 AND amount > 100`,
  ],
  commits: [
    [
      `UPDATE order_line SET amount = amount * -1, note = CONCAT(note, ' changed') WHERE tenant IN (1, 3)`,
      `DELETE FROM order_line WHERE tenant = 5`,
      `INSERT INTO order_line VALUES ${values(numbers(201, 220).map((n) => `'new ${n}', ${n}, 'line ${n}', NULL`))}`,
      // A changed key.
      `UPDATE order_line SET tenant = 1000 WHERE tenant = 6`,
      `UPDATE order_line SET note = 'twice' WHERE tenant = 1000; UPDATE order_line SET note = 'thrice' WHERE tenant = 1000`,
    ],
    [],
    [
      `DELETE FROM order_line WHERE tenant = 1; INSERT INTO order_line VALUES ('back', 1, 'line 1', 9.99)`,
      `UPDATE order_line SET amount = 0.01 WHERE tenant = 18446744073709551615`,
    ],
  ],
};

const coupon: TableSpec = {
  name: "coupon",
  create: `CREATE TABLE coupon (
  code varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY,
  percent float DEFAULT NULL,
  valid_until date DEFAULT NULL
)`,
  snapshot: [
    `INSERT INTO coupon VALUES ${values(numbers(1, 60).map((n) => `'SUMMER-${n}', ${n} / 3, '2024-02-29'`))}`,
    `INSERT INTO coupon (code) VALUES ('a:b'), ('k:1,v:2'), ('Straße'), ('🐬'), (' '), ('日本'), ('__null__'), ('__empty__')`,
  ],
  duringSnapshot: [],
  commits: [
    [
      // The same key to MySQL, in another spelling: another key to the lake.
      `UPDATE coupon SET code = 'Summer-1' WHERE code = 'SUMMER-1'`,
      `UPDATE coupon SET percent = 0.1 WHERE code LIKE 'SUMMER-2%'`,
      `DELETE FROM coupon WHERE code IN ('SUMMER-3', '🐬', '__null__')`,
      `INSERT INTO coupon VALUES ('WINTER', -0.5, '9999-12-31')`,
    ],
    [],
  ],
};

const DRAINED = 2;
const inDrained = numbers(1, 40).filter((id) => bucketOfNumber(id) === DRAINED);

/** Loses all rows of one bucket, whose file then has none, and gets one of them back. */
const drained: TableSpec = {
  name: "drained",
  create: `CREATE TABLE drained (id int NOT NULL PRIMARY KEY, v varchar(20))`,
  snapshot: [`INSERT INTO drained VALUES ${values(numbers(1, 40).map((id) => `${id}, 'v${id}'`))}`],
  duringSnapshot: [],
  commits: [
    [`DELETE FROM drained WHERE id IN (${inDrained.join(", ")})`],
    [],
    [`INSERT INTO drained VALUES (${inDrained[0] ?? 0}, 'back')`],
  ],
};

/** Has no row at its snapshot, and none at its end. */
const hollow: TableSpec = {
  name: "hollow",
  create: `CREATE TABLE hollow (id bigint NOT NULL PRIMARY KEY, v json)`,
  snapshot: [],
  duringSnapshot: [],
  commits: [
    [`INSERT INTO hollow VALUES (-9223372036854775808, '{}'), (9223372036854775807, NULL)`],
    [`DELETE FROM hollow`],
  ],
};

/** Keys of the kinds whose text in the lake is not what MySQL prints. */
const keyed: TableSpec = {
  name: "keyed",
  create: `CREATE TABLE keyed (
  day date NOT NULL,
  amount decimal(12,3) NOT NULL,
  at datetime(6) NOT NULL,
  raw varbinary(8) NOT NULL,
  colour enum('red', 'green') NOT NULL,
  v int,
  PRIMARY KEY (day, amount, at, raw, colour)
)`,
  snapshot: [
    `INSERT INTO keyed VALUES
     ('0001-01-01', 0, '0001-01-01 00:00:00', X'', 'red', 1),
     ('0001-01-01', 0, '0001-01-01 00:00:00', X'00', 'red', 2),
     ('9999-12-31', -0.001, '9999-12-31 23:59:59.999999', X'FF3A2C', 'green', 3),
     ('9999-12-31', 999999999.999, '1969-12-31 23:59:59.999999', X'3A', 'green', 4)`,
  ],
  duringSnapshot: [
    `INSERT INTO keyed VALUES ('2024-02-29', -12.5, '2024-02-29 12:00:00.5', X'2C', 'red', 5)`,
  ],
  commits: [[`UPDATE keyed SET v = v + 10 WHERE amount <= 0`, `DELETE FROM keyed WHERE amount > 1`]],
};

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Names that Avro cannot have, and a key of floating numbers. */
const odd: TableSpec = {
  name: "odd",
  create: `CREATE TABLE odd (
  \`日本\` varchar(20),
  \`a b\` double NOT NULL,
  \`_hoodie_commit_time\` int,
  \`x'y"\` float NOT NULL,
  \`1st\` decimal(10,2),
  PRIMARY KEY (\`a b\`, \`x'y"\`)
)`,
  snapshot: [
    `INSERT INTO odd VALUES ('one', 1, 1, 0.1, 1.25), ('zero', 0, 2, 0, NULL), ('large', 1e300, 3, -3.4e38, -1), ('small', 1e-7, 4, 12345678, 0)`,
  ],
  duringSnapshot: [`INSERT INTO odd VALUES ('late', -2.5, 5, 1e10, 7)`],
  commits: [
    [
      `UPDATE odd SET \`日本\` = 'two', \`_hoodie_commit_time\` = 20 WHERE \`a b\` = 1`,
      `UPDATE odd SET \`x'y"\` = -0.0e0 WHERE \`a b\` = 0; DELETE FROM odd WHERE \`a b\` = 1e300`,
    ],
  ],
};

const cleaned: TableSpec = {
  name: "cleaned",
  create: `CREATE TABLE cleaned (id int NOT NULL PRIMARY KEY, v int)`,
  snapshot: [`INSERT INTO cleaned VALUES ${values(numbers(1, 40).map((id) => `${id}, 0`))}`],
  duringSnapshot: [],
  commits: numbers(1, 3).map((n) => [`UPDATE cleaned SET v = ${n}`]),
  isCleaned: true,
};

const brokenOff: TableSpec = {
  name: "broken_off",
  create: `CREATE TABLE broken_off (id int NOT NULL PRIMARY KEY, v int)`,
  snapshot: [`INSERT INTO broken_off VALUES ${values(numbers(1, 40).map((id) => `${id}, 0`))}`],
  duringSnapshot: [],
  commits: [[`UPDATE broken_off SET v = 1`]],
  brokenOff: [`UPDATE broken_off SET v = 2`, `DELETE FROM broken_off WHERE id < 20`],
};

export const TABLE_SPECS: readonly TableSpec[] = [
  everyType,
  orderLine,
  coupon,
  drained,
  hollow,
  keyed,
  odd,
  cleaned,
  brokenOff,
];
