import { expect } from "vitest";
import { loadShop } from "../../../scripts/shop/load.ts";
import { couponCodeOf, shopSize, skuOf } from "../../../scripts/shop/rows.ts";
import { SHOP_TABLES } from "../../../scripts/shop/schema.ts";
import { ShopWriters } from "../../../scripts/shop/writers.ts";
import { mysqlTest as test } from "../../support/mysql.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";
import { waitFor } from "../../support/wait-for.ts";

const SCALE = 0.01;

const rowCounts = (database: TestDatabase): Promise<unknown[][]> =>
  database.rows(SHOP_TABLES.map((table) => `SELECT '${table}', COUNT(*) FROM ${table}`).join(" UNION ALL "));

const checksums = (database: TestDatabase): Promise<unknown[]> =>
  database.rows(`CHECKSUM TABLE ${SHOP_TABLES.join(", ")}`).then((rows) => rows.map(([, sum]) => sum));

test("the same rows every time, and as many as it says", async ({ mysql, database }) => {
  await using other = await mysql.database();
  const rows = await loadShop({ url: database.url, scale: SCALE });
  await loadShop({ url: other.url, scale: SCALE });
  expect(await rowCounts(database)).toEqual(SHOP_TABLES.map((table) => [table, String(rows.get(table))]));
  const size = shopSize(SCALE);
  expect([...rows]).toEqual([
    ["customer", size.customers],
    ["product", size.products],
    ["price_list", Math.floor(size.products / 3) * 15],
    ["coupon", size.coupons],
    ["orders", size.orders],
    ["order_item", size.orders * 2],
  ]);
  expect(await checksums(database)).toEqual(await checksums(other));
  const numbers = Array.from({ length: size.products }, (_, index) => index + 1);
  expect(
    (
      await database.rows("SELECT sku FROM product ORDER BY barcode IS NULL, SUBSTRING_INDEX(sku, '-', -1)")
    ).flat(),
  ).toEqual(numbers.map(skuOf));
  expect(await database.value("SELECT MAX(code) FROM coupon")).toBe(couponCodeOf(size.coupons));
});

test("all common types, NULL in every column that may hold it, and no constant column", async ({
  database,
}) => {
  await loadShop({ url: database.url, scale: SCALE });
  const columns = await database.rows(
    `SELECT table_name, column_name, data_type, is_nullable, IF(column_type LIKE '% unsigned', ' unsigned', ''), COALESCE(character_set_name, '')
     FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position`,
  );
  const types = new Set(columns.map((column) => `${String(column[2])}${String(column[4])}`));
  expect([...types].sort()).toEqual([
    ...[
      "bigint",
      "bigint unsigned",
      "binary",
      "bit",
      "blob",
      "char",
      "date",
      "datetime",
      "decimal",
      "double",
    ],
    ...["enum", "float", "int", "int unsigned", "json", "mediumint", "mediumint unsigned", "set", "smallint"],
    ...[
      "smallint unsigned",
      "text",
      "time",
      "timestamp",
      "tinyint",
      "tinyint unsigned",
      "tinytext",
      "varbinary",
    ],
    ...["varchar", "year"],
  ]);
  expect([...new Set(columns.map((column) => column[5]))].sort()).toEqual([
    "",
    "ascii",
    "latin1",
    "utf8mb3",
    "utf8mb4",
  ]);
  const dull: unknown[] = [];
  for (const [table, column, , nullable] of columns) {
    const sql = `SELECT COUNT(DISTINCT ${String(column)}) > 1 AND (MAX(${String(column)} IS NULL) = 1) = ? FROM ${String(table)}`;
    if ((await database.value(sql, [nullable === "YES" ? 1 : 0])) !== "1")
      dull.push(`${String(table)}.${String(column)}`);
  }
  // The first is computed from columns that are never NULL.
  expect(dull).toEqual(["customer.name_chars", "order_item.amount", "product.gross_price"]);
});

test("a database in use is refused, unless it is to be replaced", async ({ database }) => {
  await database.run("CREATE TABLE mine (id INT PRIMARY KEY)");
  await expect(loadShop({ url: database.url, scale: SCALE })).rejects.toThrow(
    `database ${database.name} already has 1 tables`,
  );
  await loadShop({ url: database.url, scale: SCALE, replace: true });
  await loadShop({ url: database.url, scale: SCALE, replace: true });
  expect(await database.value("SELECT COUNT(*) FROM mine")).toBe("0");
});

test("eight writers change all tables, and their counts are those of the tables", async ({ database }) => {
  const loaded = await loadShop({ url: database.url, scale: SCALE });
  const before = await checksums(database);
  await using writers = await ShopWriters.start({ url: database.url, writers: 8, seed: 3 });
  await waitFor("enough of everything", () => {
    const { transactions, keyChanges, deletes, rolledBack, conflicts } = writers.counts;
    return transactions > 400 && keyChanges > 30 && deletes > 30 && rolledBack > 3 && conflicts > 0;
  });
  const counts = await writers.stop();
  const rows = (await rowCounts(database)).reduce((sum, [, count]) => sum + Number(count), 0);
  const rowsLoaded = [...loaded.values()].reduce((sum, count) => sum + count, 0);
  expect(rows - rowsLoaded).toBe(counts.inserts - counts.deletes);
  const after = await checksums(database);
  expect(SHOP_TABLES.filter((_, index) => before[index] === after[index])).toEqual([]);
});

test("a failing writer ends them all, and stop says why", async ({ database }) => {
  await loadShop({ url: database.url, scale: SCALE });
  const writers = await ShopWriters.start({ url: database.url, writers: 2 });
  await database.run("DROP TABLE order_item");
  await writers.ended;
  await expect(writers.stop()).rejects.toThrow(/order_item' doesn't exist/);
});
