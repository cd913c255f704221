import type { ShopTable } from "./schema.ts";

/** How many rows of each table a shop begins with; order_item has about two for each order. */
export interface ShopSize {
  readonly customers: number;
  readonly products: number;
  readonly coupons: number;
  readonly orders: number;
}

/** At scale 1: 337,000 rows, of which 180,000 are order items. */
export function shopSize(scale: number): ShopSize {
  const rows = (full: number): number => Math.max(20, Math.round(full * scale));
  return { customers: rows(40_000), products: rows(5000), coupons: rows(2000), orders: rows(90_000) };
}

// A whole number in [0, below) that looks random and depends on n and the salt alone. The products stay
// far below 2^63 for any n that a shop has.
const pick = (below: number, salt: number): string =>
  `((n * 2654435761 + ${salt * 97_561_031}) % 4294967291 % ${below})`;

const oneOf = (salt: number, ...texts: readonly string[]): string =>
  `ELT(1 + ${pick(texts.length, salt)}, ${texts.map((text) => `'${text}'`).join(", ")})`;

/** NULL in one row of `every`. */
const orNull = (expression: string, parts: { readonly every: number; readonly salt: number }): string =>
  `IF(${pick(parts.every, parts.salt)} = 0, NULL, ${expression})`;

const day = (from: string, days: number, salt: number): string =>
  `DATE('${from}') + INTERVAL ${pick(days, salt)} DAY`;

// The prefixes fall together with others under a collation that ignores accents and case, the numbers
// keep the keys apart.
const SKU_PREFIXES = ["SKU", "CAFÉ", "Tee", "ÅL"] as const;

const skuSql = (n: string): string =>
  `CONCAT(ELT(1 + (${n}) % ${SKU_PREFIXES.length}, ${SKU_PREFIXES.map((text) => `'${text}'`).join(", ")}), '-', LPAD(${n}, 5, '0'))`;

/** The key that product number `n`, counted from 1, begins with. */
export function skuOf(n: number): string {
  return `${SKU_PREFIXES[n % SKU_PREFIXES.length] ?? ""}-${String(n).padStart(5, "0")}`;
}

/** The key that coupon number `n`, counted from 1, begins with. */
export const couponCodeOf = (n: number): string => `SAVE-${String(n).padStart(4, "0")}`;

const customerRow = `n, CONCAT(${oneOf(1, "anna", "björn", "chloe", "dmitri", "eve")}, n, '@mail.example'),
  CONCAT(${oneOf(2, "Anna", "Björn", "Chloé", "Дмитрий", "恵美", "Zoë 🌻")}, ' ', ${oneOf(3, "Meier", "Østby", "García", "李", "O’Neill")}),
  ${orNull(oneOf(4, "Köln", "Paris", "São Paulo", "Malmö", "Osaka"), { every: 9, salt: 5 })},
  ${oneOf(6, "DE", "FR", "JP", "BR", "SE")},
  ${orNull(day("1935-01-01", 26_000, 7), { every: 6, salt: 8 })},
  1995 + ${pick(31, 9)}, ${oneOf(10, "silver", "bronze", "gold")}, ${pick(16, 11)},
  (${pick(20_000_001, 12)} - 10000000) / 10000,
  ${orNull(`${pick(100_000, 13)} / 7`, { every: 5, salt: 14 })},
  ${orNull(`${pick(1_800_000, 15)} / 10000 - 90`, { every: 4, salt: 16 })},
  ${orNull(`${pick(3_600_000, 17)} / 10000 - 180`, { every: 4, salt: 16 })},
  ${pick(4096, 18)}, ${pick(2_000_001, 19)} - 1000000,
  UNHEX(LEFT(SHA2(CONCAT('token', n), 256), 32)), ${pick(2, 20)},
  ${orNull(
    `JSON_OBJECT('theme', ${oneOf(21, "dark", "light")}, 'pageSize', ${pick(90, 22)} + 10, 'ratio', ${pick(1000, 23)} / 8,
    'favourites', JSON_ARRAY(${pick(5000, 24)}, NULL, ${oneOf(25, "ü", "y", "🎈")}))`,
    { every: 3, salt: 26 },
  )},
  ${orNull(`REPEAT(${oneOf(27, "calls late. ", "prefère le soir. ", "常連。")}, 1 + ${pick(6, 28)})`, { every: 2, salt: 29 })},
  TIMESTAMP('2015-01-01 00:00:00.000') + INTERVAL ${pick(350_000_000, 30)} SECOND + INTERVAL ${pick(1000, 31)} * 1000 MICROSECOND,
  ${orNull(`TIMESTAMP('2025-01-01') + INTERVAL ${pick(40_000_000, 32)} SECOND + INTERVAL ${pick(1_000_000, 33)} MICROSECOND`, { every: 7, salt: 34 })}`;

const productRow = `${skuSql("n")}, CONCAT(${oneOf(1, "Lamp", "Stół", "Café crème", "茶碗", "Tee ☕")}, ' ', n),
  ${orNull(`REPEAT(CONCAT('Made with care, No. ', n, '. '), 1 + ${pick(8, 2)})`, { every: 4, salt: 3 })},
  18446744073709551615 - ${pick(4_000_000_000, 4)}, ${pick(200_000, 5)} / 100, ${oneOf(6, "0.0700", "0.1900", "0.2500")},
  ${pick(16_777_216, 7)}, ${pick(65_536, 8)} - 32768, ${pick(5000, 9)}, (${pick(4_000_000_000, 10)} - 2000000000) * 4000000000,
  ${orNull(`${pick(256, 11)} - 128`, { every: 3, salt: 12 })}, ${orNull(`${pick(50, 13)} / 10`, { every: 5, salt: 14 })},
  ${orNull(`${pick(1_000_000, 15)} / 3e3`, { every: 4, salt: 16 })},
  ${orNull(`LPAD(HEX(n), 8, 'X')`, { every: 3, salt: 17 })}, ${orNull(`CONCAT('Größe ', ${pick(60, 18)})`, { every: 2, salt: 19 })},
  ${orNull(`UNHEX(SHA2(CONCAT('image', n), 256))`, { every: 3, salt: 20 })},
  ${orNull(`UNHEX(REPEAT(LPAD(HEX(${pick(256, 21)}), 2, '0'), ${pick(300, 22)}))`, { every: 2, salt: 23 })},
  ${pick(32, 24)}, ${orNull(`1980 + ${pick(46, 25)}`, { every: 8, salt: 26 })}, SEC_TO_TIME(${pick(1_000_000, 27)} - 400000),
  ${orNull(`JSON_OBJECT('colour', ${oneOf(28, "red", "blå", "青")}, 'sizes', JSON_ARRAY(${pick(9, 29)}, ${pick(90, 30)} / 4), 'eco', ${pick(2, 31)} = 1)`, { every: 4, salt: 32 })},
  ${pick(2, 33)}, TIMESTAMP('2025-06-01') + INTERVAL ${pick(1_000_000, 34)} SECOND + INTERVAL ${pick(1_000_000, 35)} MICROSECOND`;

const couponRow = `CONCAT('SAVE-', LPAD(n, 4, '0')), ${pick(9900, 1)} / 100, ${pick(4_294_967_295, 2)},
  ${orNull(pick(256, 3), { every: 4, salt: 4 })}, ${day("2024-01-01", 700, 5)},
  ${orNull(`TIMESTAMP('2026-01-01 12:00:00') + INTERVAL ${pick(50_000_000, 6)} SECOND`, { every: 3, salt: 7 })},
  ${orNull(`JSON_OBJECT('min', ${pick(10_000, 8)} / 100, 'countries', JSON_ARRAY('DE', 'SE'))`, { every: 3, salt: 9 })},
  LEFT(UNHEX(SHA2(CONCAT('coupon', n), 256)), 24)`;

const ordersRow = (size: ShopSize): string => `n, 1 + ${pick(size.customers, 1)},
  ${oneOf(2, "new", "paid", "packed", "shipped", "shipped", "returned")},
  IF(${pick(10, 3)} = 0, CONCAT('SAVE-', LPAD(1 + ${pick(size.coupons, 4)}, 4, '0')), NULL), ${pick(5_000_000, 5)} / 100,
  TIMESTAMP('2024-01-01 00:00:00.000') + INTERVAL n * 400 SECOND + INTERVAL ${pick(1000, 6)} * 1000 MICROSECOND,
  TIMESTAMP('2024-01-02') + INTERVAL n * 400 SECOND + INTERVAL ${pick(1_000_000, 7)} MICROSECOND,
  ${orNull(day("2024-01-05", 800, 8), { every: 4, salt: 9 })}, ${orNull(`SEC_TO_TIME(${pick(57_600, 10)} + 21600)`, { every: 3, salt: 11 })},
  ${pick(20, 12)} = 0, ${orNull(`CONCAT(${oneOf(13, "ring twice", "für Oma", "玄関に")}, ' ', n)`, { every: 2, salt: 14 })},
  JSON_OBJECT('street', CONCAT(${oneOf(15, "Main St", "Hauptstraße", "Rue de l’Étoile")}, ' ', ${pick(300, 16)}), 'zip', LPAD(${pick(99_999, 17)}, 5, '0'))`;

// n is the order's number; the lines of one order must differ, so `line` goes into the hash as well.
const orderItemRow = (size: ShopSize): string => {
  const ofLine = (below: number, salt: number): string =>
    `((n * 2654435761 + line * 40503 + ${salt * 97_561_031}) % 4294967291 % ${below})`;
  return `n, line, ${skuSql(`1 + ${ofLine(size.products, 1)}`)}, 1 + ${ofLine(12, 2)}, ${ofLine(200_000, 3)} / 100,
    IF(${ofLine(3, 4)} = 0, ${ofLine(1000, 5)} / 7000, NULL), IF(${ofLine(4, 6)} = 0, NULL, ${ofLine(90_000, 7)} / 1000),
    IF(${ofLine(25, 8)} = 0, CONCAT('für dich №', n), NULL)`;
};

// ELT on numbers would compare texts; the tier is written by its number, which is what MySQL stores.
const priceListRow = `ELT(1 + n % 5, 'DE', 'FR', 'JP', 'BR', 'SE'), 1 + n DIV 5 % 3, ${skuSql("1 + n DIV 15")},
  ${pick(200_000, 1)} / 100, ${pick(65_536, 2)}, ${day("2024-01-01", 900, 3)},
  ${orNull(`SEC_TO_TIME(${pick(86_400, 4)} + ${pick(1000, 5)} / 1000)`, { every: 3, salt: 6 })}`;

/** The numbers from `from` through `to` as a derived table with a column n. */
const numbers = (from: number, to: number): string =>
  `(WITH RECURSIVE s (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM s WHERE n < ${to}) SELECT n FROM s) AS numbers`;

const COLUMNS: Readonly<Record<ShopTable, string>> = {
  customer: `id, email, full_name, city, country, born_on, member_since, level, channels, credit, score, latitude,
    longitude, permissions, points, token, newsletter, preferences, remark, created_at, seen_at`,
  product: `sku, title, description, barcode, price, tax_rate, weight_grams, shelf, stock, balance, degrees_min, rating,
    length_mm, legacy_code, label_text, image_hash, datasheet, tags, released, prepare_time, attributes, visible, updated_at`,
  price_list: "country, tier, sku, price, revision, valid_from, daily_from",
  coupon: "code, percent, used, used_max, starts_on, ends_at, rules, secret",
  orders: `id, customer_id, status, coupon_code, total, placed_at, updated_at, deliver_on, deliver_from, gift, note, address`,
  order_item: "order_id, line, sku, quantity, unit_price, discount, weight, engraving",
};

/** The statements that fill one table, of at most `rowsMax` numbers each. */
export function insertStatements(table: ShopTable, size: ShopSize, rowsMax = 30_000): string[] {
  const [from, to] = rangeOf(table, size);
  const statements: string[] = [];
  for (let first = from; first <= to; first += rowsMax) {
    const source = numbers(first, Math.min(to, first + rowsMax - 1));
    statements.push(`INSERT INTO ${table} (${COLUMNS[table]}) SELECT ${selectOf(table, { size, source })}`);
  }
  return statements;
}

function rangeOf(table: ShopTable, size: ShopSize): readonly [number, number] {
  switch (table) {
    case "customer":
      return [1, size.customers];
    case "product":
      return [1, size.products];
    case "coupon":
      return [1, size.coupons];
    case "orders":
    case "order_item":
      return [1, size.orders];
    case "price_list":
      // Five countries, three tiers, and a third of the products.
      return [0, Math.floor(size.products / 3) * 15 - 1];
  }
}

function selectOf(table: ShopTable, parts: { readonly size: ShopSize; readonly source: string }): string {
  const { size, source } = parts;
  switch (table) {
    case "customer":
      return `${customerRow} FROM ${source}`;
    case "product":
      return `${productRow} FROM ${source}`;
    case "coupon":
      return `${couponRow} FROM ${source}`;
    case "price_list":
      return `${priceListRow} FROM ${source}`;
    case "orders":
      return `${ordersRow(size)} FROM ${source}`;
    case "order_item":
      return `${orderItemRow(size)} FROM ${source} JOIN (SELECT 1 AS line UNION ALL SELECT 2 UNION ALL SELECT 3) AS l ON line <= 1 + n % 3`;
  }
}
