/*
 * The sample shop: six tables with the types, character sets and keys that real schemas have. Keys are
 * an integer, a pair of integers, a text under an accent- and case-insensitive collation (product), one
 * in latin1 (coupon), and a triple with an ENUM in it whose order of numbers is not that of its texts
 * (price_list). There are no foreign keys, since their cascades are another matter.
 */

export const SHOP_TABLES = ["customer", "product", "price_list", "coupon", "orders", "order_item"] as const;
export type ShopTable = (typeof SHOP_TABLES)[number];

export const COUNTRIES = ["DE", "FR", "JP", "BR", "SE"] as const;
export const TIERS = ["wholesale", "retail", "staff"] as const;

export const SHOP_DDL: Readonly<Record<ShopTable, string>> = {
  customer: `CREATE TABLE customer (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT,
    email VARCHAR(120) NOT NULL,
    full_name VARCHAR(80) NOT NULL,
    city VARCHAR(60) CHARACTER SET latin1 NULL,
    country CHAR(2) CHARACTER SET ascii NOT NULL,
    born_on DATE NULL,
    member_since YEAR NOT NULL,
    level ENUM('silver', 'bronze', 'gold') NOT NULL,
    channels SET('email', 'sms', 'post', 'push') NOT NULL,
    credit DECIMAL(12,4) NOT NULL,
    score FLOAT NULL,
    latitude DOUBLE NULL,
    longitude DOUBLE NULL,
    permissions BIT(12) NOT NULL,
    points MEDIUMINT NOT NULL,
    token BINARY(16) NOT NULL,
    newsletter BOOLEAN NOT NULL,
    preferences JSON NULL,
    remark TEXT NULL,
    created_at DATETIME(3) NOT NULL,
    seen_at TIMESTAMP(6) NULL,
    name_chars INT GENERATED ALWAYS AS (CHAR_LENGTH(full_name)) VIRTUAL,
    PRIMARY KEY (id), KEY email (email))`,
  product: `CREATE TABLE product (
    sku VARCHAR(24) NOT NULL,
    title VARCHAR(120) NOT NULL,
    description TEXT NULL,
    barcode BIGINT UNSIGNED NOT NULL,
    price DECIMAL(10,2) NOT NULL,
    tax_rate DECIMAL(5,4) NOT NULL,
    weight_grams MEDIUMINT UNSIGNED NOT NULL,
    shelf SMALLINT NOT NULL,
    stock INT NOT NULL,
    balance BIGINT NOT NULL,
    degrees_min TINYINT NULL,
    rating FLOAT NULL,
    length_mm DOUBLE NULL,
    legacy_code CHAR(8) CHARACTER SET latin1 NULL,
    label_text TINYTEXT CHARACTER SET utf8mb3 NULL,
    image_hash VARBINARY(32) NULL,
    datasheet BLOB NULL,
    tags SET('new', 'sale', 'eco', 'fragile', 'heavy') NOT NULL,
    released YEAR NULL,
    prepare_time TIME NOT NULL,
    attributes JSON NULL,
    visible BIT(1) NOT NULL,
    gross_price DECIMAL(14,4) GENERATED ALWAYS AS (price * (1 + tax_rate)) STORED,
    updated_at TIMESTAMP(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (sku))`,
  price_list: `CREATE TABLE price_list (
    country CHAR(2) CHARACTER SET ascii NOT NULL,
    tier ENUM('wholesale', 'retail', 'staff') NOT NULL,
    sku VARCHAR(24) NOT NULL,
    price DECIMAL(10,2) NOT NULL,
    revision SMALLINT UNSIGNED NOT NULL,
    valid_from DATE NOT NULL,
    daily_from TIME(3) NULL,
    PRIMARY KEY (country, tier, sku))`,
  coupon: `CREATE TABLE coupon (
    code VARCHAR(32) CHARACTER SET latin1 NOT NULL,
    percent DECIMAL(5,2) NOT NULL,
    used INT UNSIGNED NOT NULL,
    used_max TINYINT UNSIGNED NULL,
    starts_on DATE NOT NULL,
    ends_at DATETIME NULL,
    rules JSON NULL,
    secret VARBINARY(24) NOT NULL,
    PRIMARY KEY (code))`,
  orders: `CREATE TABLE orders (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    customer_id INT UNSIGNED NOT NULL,
    status ENUM('new', 'paid', 'packed', 'shipped', 'returned') NOT NULL,
    coupon_code VARCHAR(32) CHARACTER SET latin1 NULL,
    total DECIMAL(14,2) NOT NULL,
    placed_at DATETIME(3) NOT NULL,
    updated_at TIMESTAMP(6) NOT NULL,
    deliver_on DATE NULL,
    deliver_from TIME NULL,
    gift BIT(1) NOT NULL,
    note VARCHAR(200) NULL,
    address JSON NOT NULL,
    PRIMARY KEY (id), KEY customer_id (customer_id))`,
  order_item: `CREATE TABLE order_item (
    order_id BIGINT UNSIGNED NOT NULL,
    line SMALLINT UNSIGNED NOT NULL,
    sku VARCHAR(24) NOT NULL,
    quantity SMALLINT NOT NULL,
    unit_price DECIMAL(10,2) NOT NULL,
    discount DOUBLE NULL,
    weight FLOAT NULL,
    engraving VARCHAR(40) NULL,
    amount DECIMAL(16,2) GENERATED ALWAYS AS (quantity * unit_price) VIRTUAL,
    PRIMARY KEY (order_id, line))`,
};
