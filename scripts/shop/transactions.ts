import { must } from "../../src/util/assert.ts";
import { COUNTRIES, TIERS } from "./schema.ts";
import { couponCodeOf, skuOf, type ShopSize } from "./rows.ts";

/** How the rows that a statement changed are counted; null for one that changes none. */
export type ChangeKind = "insert" | "update" | "keyChange" | "delete" | "upsert" | "replace" | null;

export interface ShopStatement {
  readonly sql: string;
  readonly kind: ChangeKind;
}

export interface ShopTransaction {
  readonly name: string;
  readonly statements: readonly ShopStatement[];
  /** It ends with a ROLLBACK, so none of it may ever be seen. */
  readonly rolledBack: boolean;
}

interface Draw {
  readonly size: ShopSize;
  readonly random: () => number;
  /** A whole number from 0 to below `below`. */
  readonly below: (below: number) => number;
}

type Recipe = (draw: Draw) => readonly ShopStatement[];

const change = (kind: ChangeKind, sql: string): ShopStatement => ({ kind, sql });

const sku = (draw: Draw): string => skuOf(1 + draw.below(draw.size.products));
const renamed = (key: string): string => `'${key}', '${key}-R'`;
const coupon = (draw: Draw): string => couponCodeOf(1 + draw.below(draw.size.coupons));

/** Every other time one of the first orders, else one of the newest, which other writers touch as well. */
const setOrder = (draw: Draw): ShopStatement =>
  draw.random() < 0.5
    ? change(null, `SET @id = ${1 + draw.below(draw.size.orders)}`)
    : change(null, `SET @id = (SELECT MAX(id) FROM orders) - ${draw.below(40)}`);

const placeOrder: Recipe = (draw) => {
  const order = change(
    "insert",
    `INSERT INTO orders (customer_id, status, coupon_code, total, placed_at, updated_at, deliver_on, gift, note, address)
      VALUES (${1 + draw.below(draw.size.customers)}, 'new', ${draw.random() < 0.1 ? `'${coupon(draw)}'` : "NULL"}, 0, NOW(3), NOW(6),
        CURDATE() + INTERVAL ${draw.below(9)} DAY, ${draw.below(2)}, 'live Nr. ${draw.below(1e6)} – ✓', '{"zip": "0${draw.below(9999)}", "floor": ${draw.below(9)}.5}')`,
  );
  const statements = [order, change(null, "SET @id = LAST_INSERT_ID()")];
  const lines = 1 + draw.below(4);
  for (let line = 1; line <= lines; line++) {
    const key = sku(draw);
    statements.push(
      change(
        "insert",
        `INSERT INTO order_item (order_id, line, sku, quantity, unit_price, discount, weight)
          VALUES (@id, ${line}, '${key}', ${1 + draw.below(5)}, ${draw.below(20_000)} / 100, ${draw.random() < 0.3 ? draw.random() : "NULL"}, ${draw.below(1000)} / 7)`,
      ),
      change("update", `UPDATE product SET stock = stock - 1 WHERE sku IN (${renamed(key)})`),
    );
  }
  statements.push(
    change(
      "update",
      "UPDATE orders SET total = (SELECT SUM(amount) FROM order_item WHERE order_id = @id) WHERE id = @id",
    ),
  );
  return statements;
};

const advanceOrder: Recipe = (draw) => [
  setOrder(draw),
  change(
    "update",
    "UPDATE orders SET status = ELT(status + 0, 'paid', 'packed', 'shipped', 'returned', 'new'), updated_at = NOW(6) WHERE id = @id",
  ),
];

const cancelOrder: Recipe = (draw) => [
  setOrder(draw),
  change("delete", "DELETE FROM order_item WHERE order_id = @id"),
  change("delete", "DELETE FROM orders WHERE id = @id"),
];

const editItems: Recipe = (draw) => [
  setOrder(draw),
  change(
    "update",
    `UPDATE order_item SET quantity = quantity + 1, discount = ${draw.random()} WHERE order_id = @id`,
  ),
  change("delete", "DELETE FROM order_item WHERE order_id = @id AND line = 3"),
  change(
    "update",
    "UPDATE orders SET updated_at = NOW(6), note = CONCAT_WS(' ', LEFT(note, 150), 'edited') WHERE id = @id",
  ),
];

/** Changes both parts of the composite key. */
const moveItem: Recipe = (draw) => [
  setOrder(draw),
  change(
    "keyChange",
    `UPDATE order_item SET order_id = ${1 + draw.below(draw.size.orders)}, line = line + ${10 + draw.below(50_000)} WHERE order_id = @id AND line = 1`,
  ),
];

const newCustomer: Recipe = (draw) => [
  change(
    "insert",
    `INSERT INTO customer (email, full_name, country, member_since, level, channels, credit, permissions, points, token, newsletter, created_at)
      VALUES ('new${draw.below(1e9)}@mail.example', 'Nele Neu', '${COUNTRIES[draw.below(COUNTRIES.length)] ?? ""}', ${1901 + draw.below(255)}, ${1 + draw.below(3)},
        ${draw.below(16)}, ${draw.below(100)}.${draw.below(10_000)}, ${draw.below(4096)}, ${draw.below(1000)}, RANDOM_BYTES(16), 1, NOW(3))`,
  ),
];

const editCustomer: Recipe = (draw) => [
  change(
    "update",
    `UPDATE customer SET score = ${draw.random()} * 100, latitude = ${draw.random()} * 180 - 90, points = points + ${draw.below(100)},
      permissions = permissions ^ ${1 << draw.below(12)}, channels = ${draw.below(16)}, level = ${1 + draw.below(3)}, seen_at = NOW(6),
      credit = credit + ${draw.below(1000)} / 7, preferences = JSON_SET(COALESCE(preferences, '{}'), '$.page', ${draw.below(50)}, '$."last seen"', '${draw.below(60)} min – früher'),
      remark = IF(remark IS NULL, 'seen 👀', NULL) WHERE id = ${1 + draw.below(draw.size.customers)}`,
  ),
];

/** Tens to hundreds of rows in one statement. */
const reprice: Recipe = (draw) => {
  const country = must(COUNTRIES[draw.below(COUNTRIES.length)], "country");
  const from = draw.below(draw.size.products);
  return [
    change(
      "update",
      `UPDATE price_list SET price = ROUND(price * 1.01 + 0.01, 2) % 90000, revision = (revision + 1) % 65536
        WHERE country = '${country}' AND tier = '${must(TIERS[draw.below(TIERS.length)], "tier")}' AND sku >= '${skuOf(from)}' ORDER BY sku LIMIT 120`,
    ),
    change(
      "update",
      `UPDATE product SET price = ROUND(price * 1.01 + 0.01, 2) % 90000, rating = ${draw.below(50)} / 10, length_mm = length_mm / 3
        WHERE sku >= '${skuOf(from)}' ORDER BY sku LIMIT 30`,
    ),
  ];
};

const noteManyOrders: Recipe = (draw) => {
  const from = 1 + draw.below(draw.size.orders);
  return [
    change(
      "update",
      `UPDATE orders SET note = 'audit ${draw.below(1e6)}' WHERE id BETWEEN ${from} AND ${from + 400}`,
    ),
  ];
};

const TOGGLED_SKU = "IF(RIGHT(sku, 2) = '-R', LEFT(sku, CHAR_LENGTH(sku) - 2), CONCAT(sku, '-R'))";

const renameSku: Recipe = (draw) => {
  const keys = renamed(sku(draw));
  return [
    change("keyChange", `UPDATE product SET sku = ${TOGGLED_SKU} WHERE sku IN (${keys})`),
    change(
      "keyChange",
      `UPDATE price_list SET sku = ${TOGGLED_SKU} WHERE sku IN (${keys}) AND country = 'DE'`,
    ),
  ];
};

/** The new key equals the old one under the column's collation, and is another text all the same. */
const respellSku: Recipe = (draw) => [
  change(
    "keyChange",
    `UPDATE product SET sku = IF(sku COLLATE utf8mb4_bin = UPPER(sku) COLLATE utf8mb4_bin, LOWER(sku), UPPER(sku)) WHERE sku = '${sku(draw)}'`,
  ),
];

const respellCoupon: Recipe = (draw) => [
  change(
    "keyChange",
    `UPDATE coupon SET code = IF(code COLLATE latin1_bin = UPPER(code) COLLATE latin1_bin, LOWER(code), UPPER(code)) WHERE code = '${coupon(draw)}'`,
  ),
];

/** Two rows trade keys by way of a third one, all in one transaction. */
const swapCoupons: Recipe = (draw) => {
  const [one, other] = [coupon(draw), coupon(draw)];
  const aside = `ASIDE-${draw.below(1e9)}`;
  return [
    change("keyChange", `UPDATE coupon SET code = '${aside}' WHERE code = '${one}'`),
    change("keyChange", `UPDATE coupon SET code = '${one}' WHERE code = '${other}'`),
    change("keyChange", `UPDATE coupon SET code = '${other}' WHERE code = '${aside}'`),
  ];
};

const remakeCoupon: Recipe = (draw) => {
  const code = coupon(draw);
  return [
    change("delete", `DELETE FROM coupon WHERE code = '${code}'`),
    change(
      "insert",
      `INSERT INTO coupon (code, percent, used, starts_on, secret) VALUES ('${code}', ${draw.below(100)}, 0, CURDATE(), RANDOM_BYTES(${1 + draw.below(24)}))`,
    ),
  ];
};

const replaceCoupon: Recipe = (draw) => [
  change(
    "replace",
    `REPLACE INTO coupon (code, percent, used, starts_on, secret) VALUES ('${coupon(draw)}', ${draw.below(100)}, ${draw.below(9)}, CURDATE(), 0x00FF00)`,
  ),
];

/** The ENUM in the key changes, or the row is in the way of another one: then the server refuses. */
const changeTier: Recipe = (draw) => {
  const country = must(COUNTRIES[draw.below(COUNTRIES.length)], "country");
  const [from, to] = [must(TIERS[draw.below(3)], "tier"), must(TIERS[draw.below(3)], "tier")];
  const key = renamed(sku(draw));
  return [
    change(
      "keyChange",
      `UPDATE price_list SET tier = '${to}' WHERE country = '${country}' AND tier = '${from}' AND sku IN (${key})`,
    ),
  ];
};

const upsertPrice: Recipe = (draw) => [
  change(
    "upsert",
    `INSERT INTO price_list (country, tier, sku, price, revision, valid_from) VALUES ('SE', ${1 + draw.below(3)}, '${sku(draw)}', ${draw.below(1e5)} / 100, 1, CURDATE())
      ON DUPLICATE KEY UPDATE price = price + 0.05, revision = (revision + 1) % 65536, daily_from = NOW(3)`,
  ),
];

const dropPrices: Recipe = (draw) => [
  change("delete", `DELETE FROM price_list WHERE sku = '${sku(draw)}' AND country IN ('BR', 'SE')`),
];

/** Some of it is undone, the rest stays. */
const savepoint: Recipe = (draw) => [
  setOrder(draw),
  change("update", "UPDATE orders SET deliver_from = SEC_TO_TIME(FLOOR(RAND() * 80000)) WHERE id = @id"),
  change(null, "SAVEPOINT before_delete"),
  change(null, "DELETE FROM orders WHERE id = @id"),
  change(null, "ROLLBACK TO SAVEPOINT before_delete"),
];

const RECIPES: readonly { readonly weight: number; readonly name: string; readonly recipe: Recipe }[] = [
  { weight: 28, name: "place order", recipe: placeOrder },
  { weight: 22, name: "advance order", recipe: advanceOrder },
  { weight: 6, name: "cancel order", recipe: cancelOrder },
  { weight: 7, name: "edit items", recipe: editItems },
  { weight: 3, name: "move item", recipe: moveItem },
  { weight: 3, name: "new customer", recipe: newCustomer },
  { weight: 10, name: "edit customer", recipe: editCustomer },
  { weight: 2, name: "reprice", recipe: reprice },
  { weight: 1, name: "note many orders", recipe: noteManyOrders },
  { weight: 3, name: "rename SKU", recipe: renameSku },
  { weight: 2, name: "respell SKU", recipe: respellSku },
  { weight: 2, name: "respell coupon", recipe: respellCoupon },
  { weight: 2, name: "swap coupons", recipe: swapCoupons },
  { weight: 2, name: "remake coupon", recipe: remakeCoupon },
  { weight: 1, name: "replace coupon", recipe: replaceCoupon },
  { weight: 3, name: "change tier", recipe: changeTier },
  { weight: 4, name: "upsert price", recipe: upsertPrice },
  { weight: 1, name: "drop prices", recipe: dropPrices },
  { weight: 2, name: "savepoint", recipe: savepoint },
];
const WEIGHT = RECIPES.reduce((sum, { weight }) => sum + weight, 0);
const ROLLED_BACK_SHARE = 0.03;

/** The next transaction of a writer: which one, and with what, follows from `random` alone. */
export function shopTransaction(size: ShopSize, random: () => number): ShopTransaction {
  let point = random() * WEIGHT;
  const chosen = RECIPES.find(({ weight }) => (point -= weight) < 0) ?? must(RECIPES[0], "recipe");
  const draw: Draw = { size, random, below: (below) => Math.floor(random() * below) };
  const rolledBack = random() < ROLLED_BACK_SHARE;
  return { name: chosen.name, statements: chosen.recipe(draw), rolledBack };
}
