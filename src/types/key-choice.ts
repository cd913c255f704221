/** What the config says of a table without a primary key: it is refused, or a UNIQUE NOT NULL index is its key. */
export const KEYLESS_POLICIES = ["refuse", "unique"] as const;
export type KeylessPolicy = (typeof KEYLESS_POLICIES)[number];

/** By what the config lets the rows of a table be told apart. */
export interface KeyChoice {
  /** Columns of the unique index that is the key; null where the config names none. */
  readonly key: readonly string[] | null;
  readonly withoutPrimaryKey: KeylessPolicy;
}

/** The choice where the config says nothing. */
export const BY_PRIMARY_KEY: KeyChoice = { key: null, withoutPrimaryKey: "refuse" };
