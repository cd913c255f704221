import { codeOf } from "../../src/util/errors.ts";
import type { TestConnection } from "./mysql-connection.ts";

/*
 * Three small tables with the keys that are hard (a number, a composite with an ENUM in it, a text that is
 * compared without accents and case), and transactions over them that are as mean as they can be for their
 * size: keys that change, trade places, come back after a delete, rows that change twice.
 */

export const CRASH_TABLES = ["item", "line", "label"] as const;

export const CRASH_DDL = `
CREATE TABLE item (
  id INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(12,4) NOT NULL, weight FLOAT NULL,
  size DOUBLE NULL, made DATETIME(6) NOT NULL, seen TIMESTAMP(6) NULL, kind ENUM('tiny','big','odd') NOT NULL,
  tags SET('a','b','c') NOT NULL, data JSON NULL, token VARBINARY(24) NULL, flags BIT(9) NOT NULL,
  code BIGINT UNSIGNED NOT NULL, day DATE NULL, span TIME(3) NULL, born YEAR NULL);
CREATE TABLE line (
  bill BIGINT UNSIGNED NOT NULL, kind ENUM('wholesale','retail','staff') NOT NULL, pos SMALLINT NOT NULL,
  note VARCHAR(30) CHARACTER SET latin1 NULL, amount DECIMAL(10,2) NOT NULL, at DATETIME(6) NOT NULL,
  PRIMARY KEY (bill, kind, pos));
CREATE TABLE label (
  code VARCHAR(24) NOT NULL, item INT NOT NULL, text TEXT NULL, at DATETIME(6) NOT NULL,
  PRIMARY KEY (code));`;

export interface CrashSize {
  readonly items: number;
  readonly bills: number;
  readonly labels: number;
}

export const SMALL: CrashSize = { items: 60, bills: 15, labels: 40 };

const PREFIXES = ["Café", "Tee", "ÅL", "x-"] as const;
const labelCode = (n: number): string => `${PREFIXES[n % PREFIXES.length] ?? ""}${n}`;

const series = (count: number): string =>
  `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${count}) SELECT n FROM s) AS s`;

/** The columns of `item` behind the first two, from a number. */
const itemValues = (n: string): string =>
  `${n} * 1.0625, ${n} / 3, SQRT(${n}), TIMESTAMP('2024-02-29 23:59:59.999999') + INTERVAL ${n} MICROSECOND, ` +
  `IF(${n} % 4 = 0, NULL, TIMESTAMP('2025-03-30 01:59:59.5') + INTERVAL ${n} SECOND), 1 + ${n} % 3, ${n} % 8, ` +
  `IF(${n} % 5 = 0, NULL, JSON_OBJECT('n', ${n}, 'é', ${n} / 8)), LEFT(UNHEX(SHA2(${n}, 256)), ${n} % 25), ${n} % 512, ` +
  `18446744073709551615 - ${n}, DATE('1969-12-30') + INTERVAL ${n} DAY, SEC_TO_TIME(${n} * 1.125 - 20), 1950 + ${n} % 100`;

export async function fillCrashTables(connection: TestConnection, size: CrashSize): Promise<void> {
  await connection.run(`SET time_zone = '+00:00', cte_max_recursion_depth = 10000000; ${CRASH_DDL}`);
  await connection.run(
    `INSERT INTO item SELECT n, CONCAT('item ', n, ' żółw'), ${itemValues("n")} FROM ${series(size.items)}`,
  );
  await connection.run(
    `INSERT INTO line SELECT n, 1 + n % 3, p, IF(p = 1, NULL, CONCAT('größe ', n)), n / 7, NOW(6) FROM ${series(size.bills)} ` +
      "JOIN (SELECT 1 AS p UNION ALL SELECT 2 UNION ALL SELECT 300) AS ps",
  );
  const cases = PREFIXES.map((prefix, i) => `WHEN ${i} THEN '${prefix}'`).join(" ");
  await connection.run(
    `INSERT INTO label SELECT CONCAT(CASE n % ${PREFIXES.length} ${cases} END, n), n, CONCAT('🐬 ', n), NOW(6) FROM ${series(size.labels)}`,
  );
}

interface Draw {
  readonly size: CrashSize;
  readonly below: (limit: number) => number;
}

type Recipe = (draw: Draw) => readonly string[];

const item = ({ size, below }: Draw): number => 1 + below(size.items);
const bill = ({ size, below }: Draw): number => 1 + below(size.bills);
const label = ({ size, below }: Draw): string => labelCode(1 + below(size.labels));

const insertItem: Recipe = (draw) => {
  const id = 1000 + draw.below(100_000);
  return [
    `INSERT INTO item VALUES (${id}, 'new ${id}', ${itemValues(String(id))})`,
    `INSERT INTO label VALUES ('new ${id}', ${id}, NULL, NOW(6))`,
    `UPDATE item SET name = CONCAT(name, ' ✓') WHERE id = ${id}`,
  ];
};

const editItem: Recipe = (draw) => {
  const id = item(draw);
  return [
    `UPDATE item SET price = price + 0.0001, weight = ${draw.below(1000)} / 7, size = size * 1.1, made = made + INTERVAL 1 MICROSECOND WHERE id = ${id}`,
    `UPDATE item SET seen = NOW(6), data = JSON_SET(COALESCE(data, '{}'), '$.k', ${draw.below(99)}), flags = flags ^ 5 WHERE id = ${id}`,
  ];
};

const editManyItems: Recipe = (draw) => [
  `UPDATE item SET name = CONCAT('all ', ${draw.below(1e6)}, ' of ', id), tags = ${draw.below(8)} WHERE id >= ${item(draw)} ORDER BY id LIMIT 25`,
];

const moveItem: Recipe = (draw) => [`UPDATE item SET id = ${item(draw)} WHERE id = ${item(draw)}`];

const swapItems: Recipe = (draw) => {
  const [one, other] = [item(draw), item(draw)];
  return [
    `UPDATE item SET id = -1 WHERE id = ${one}`,
    `UPDATE item SET id = ${one} WHERE id = ${other}`,
    `UPDATE item SET id = ${other} WHERE id = -1`,
  ];
};

const deleteItem: Recipe = (draw) => [`DELETE FROM item WHERE id = ${item(draw)}`];

const remakeItem: Recipe = (draw) => {
  const id = item(draw);
  const n = String(draw.below(100_000));
  return [
    `DELETE FROM item WHERE id = ${id}`,
    `INSERT INTO item VALUES (${id}, 'again ${n}', ${itemValues(n)})`,
  ];
};

const moveLines: Recipe = (draw) => [
  `UPDATE line SET pos = pos + ${1 + draw.below(1000)}, at = NOW(6) WHERE bill = ${bill(draw)} AND pos < 20000`,
  `UPDATE line SET kind = ${1 + draw.below(3)} WHERE bill = ${bill(draw)} ORDER BY pos LIMIT 1`,
];

const editLines: Recipe = (draw) => [
  `UPDATE line SET amount = amount + ${draw.below(100)} / 100, note = 'straße ÿ' WHERE bill = ${bill(draw)}`,
  `DELETE FROM line WHERE bill = ${bill(draw)} AND pos = 300`,
  `INSERT INTO line VALUES (${bill(draw)}, 'staff', ${-1 - draw.below(30_000)}, NULL, 0.01, NOW(6))`,
];

/** The new code equals the old one for the server, and is another text all the same. */
const respellLabel: Recipe = (draw) => {
  const code = label(draw);
  return [
    `UPDATE label SET code = IF(BINARY code = BINARY UPPER(code), LOWER(code), UPPER(code)), at = NOW(6) WHERE code = '${code}'`,
  ];
};

const swapLabels: Recipe = (draw) => {
  const [one, other] = [label(draw), label(draw)];
  return [
    `UPDATE label SET code = 'aside' WHERE code = '${one}'`,
    `UPDATE label SET code = '${one}' WHERE code = '${other}'`,
    `UPDATE label SET code = '${other}', text = CONCAT_WS(' ', LEFT(text, 40), 'swapped') WHERE code = 'aside'`,
  ];
};

const remakeLabel: Recipe = (draw) => {
  const code = label(draw);
  return [
    `DELETE FROM label WHERE code = '${code}'`,
    `INSERT INTO label VALUES ('${code}', ${item(draw)}, 'again', NOW(6))`,
    `DELETE FROM label WHERE code = '${label(draw)}'`,
  ];
};

const undo: Recipe = (draw) => [
  `UPDATE item SET name = 'kept' WHERE id = ${item(draw)}`,
  "SAVEPOINT half",
  "DELETE FROM item",
  "ROLLBACK TO SAVEPOINT half",
];

const RECIPES: readonly Recipe[] = [
  insertItem,
  editItem,
  editManyItems,
  moveItem,
  swapItems,
  deleteItem,
  remakeItem,
  moveLines,
  editLines,
  respellLabel,
  swapLabels,
  remakeLabel,
  undo,
];

const DUPLICATE_KEY = "ER_DUP_ENTRY";
const RETRY = ["ER_LOCK_DEADLOCK", "ER_LOCK_WAIT_TIMEOUT"];

/** The statements of one transaction over one or two recipes. */
export function crashTransaction(size: CrashSize, random: () => number): readonly string[] {
  const draw: Draw = { size, below: (limit) => Math.floor(random() * limit) };
  const pick = (): readonly string[] => RECIPES[draw.below(RECIPES.length)]?.(draw) ?? [];
  return draw.below(3) === 0 ? [...pick(), ...pick()] : pick();
}

/** Commits so many transactions; one that runs into a taken key is rolled back and counts all the same. */
export async function writeTransactions(
  connection: TestConnection,
  options: { readonly count: number; readonly size: CrashSize; readonly random: () => number },
): Promise<void> {
  for (let i = 0; i < options.count; i++) {
    const statements = crashTransaction(options.size, options.random);
    const end = options.random() < 0.05 ? "ROLLBACK" : "COMMIT";
    try {
      await connection.run(["START TRANSACTION", ...statements, end].join("; "));
    } catch (error) {
      await connection.run("ROLLBACK");
      if (codeOf(error) !== DUPLICATE_KEY && !RETRY.includes(codeOf(error))) throw error;
    }
  }
}
