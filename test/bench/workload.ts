/*
 * The data of the benchmarks: a table of twelve columns, and a seeded workload of transactions with 1 to
 * 1000 row changes each (the sizes are spread evenly over their logarithm), 80 % updates, 15 % inserts,
 * 5 % deletes. Other tools have been measured on the very same values, so none of this may change:
 * neither an expression nor the order in which random numbers are drawn.
 */

export const BENCH_DDL = `CREATE TABLE orders (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_id INT NOT NULL, sku VARCHAR(32) NOT NULL, qty INT NOT NULL, price DECIMAL(10,2) NOT NULL,
  status VARCHAR(12) NOT NULL, note VARCHAR(200) NULL,
  created_at DATETIME(3) NOT NULL, updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  flags TINYINT NOT NULL DEFAULT 0, ratio DOUBLE NULL, ext JSON NULL)`;

const ROW = `n, n % 10007, CONCAT('SKU-', n % 5000), n % 9 + 1, (n % 100000) / 100,
  ELT(1 + n % 4, 'new', 'paid', 'shipped', 'done'), IF(n % 3 = 0, NULL, CONCAT('note for order ', n)),
  '2026-01-01 00:00:00.123' + INTERVAL n SECOND, '2026-06-01 00:00:00.456' + INTERVAL n SECOND, n % 7, n / 7,
  JSON_OBJECT('a', n, 'b', 'x')`;

/** Fills `snap.orders` with the rows from `from` through `to`. */
export const loadStatement = (from: number, to: number): string =>
  `INSERT INTO snap.orders SELECT ${ROW} FROM (WITH RECURSIVE s (n) AS
    (SELECT ${from} UNION ALL SELECT n + 1 FROM s WHERE n < ${to}) SELECT n FROM s) AS numbers`;

export interface WorkloadTransaction {
  readonly sql: string;
  readonly updates: number;
  readonly inserts: number;
  readonly deletes: number;
}

type Counts = Record<"updates" | "inserts" | "deletes", number>;

const KINDS = ["updates", "inserts", "deletes"] as const;
const SIZE_MAX = 1000;
/** Smaller transactions are of one kind. */
const MIXED_SIZE_MIN = 20;

/** The transactions on `shop.orders`, which holds the rows 1 through `rows`, until `changes` are made. */
export function* workload(options: {
  readonly rows: number;
  readonly changes: number;
  readonly random: () => number;
}): Generator<WorkloadTransaction> {
  const { rows, changes, random } = options;
  const ids = new LiveIds(rows, { capacity: rows + changes, random });
  const updates = Math.round(changes * 0.8);
  const inserts = Math.round(changes * 0.15);
  const left: Counts = { updates, inserts, deletes: changes - updates - inserts };
  for (let number = 0; total(left) > 0; number++) {
    const wanted = nextSizes(left, random);
    yield { sql: transactionSql(number, { wanted, ids }), ...wanted };
    for (const kind of KINDS) left[kind] -= wanted[kind];
  }
}

const total = (counts: Counts): number => counts.updates + counts.inserts + counts.deletes;

function nextSizes(left: Counts, random: () => number): Counts {
  const drawn = Math.floor(Math.exp(random() * Math.log(SIZE_MAX + 0.999)));
  const size = Math.max(1, Math.min(drawn, SIZE_MAX));
  const wanted: Counts = { updates: 0, inserts: 0, deletes: 0 };
  if (size < MIXED_SIZE_MIN) {
    const point = random();
    wanted[point < 0.8 ? "updates" : point < 0.95 ? "inserts" : "deletes"] = size;
  } else {
    wanted.inserts = Math.round(size * 0.15);
    wanted.deletes = Math.round(size * 0.05);
    wanted.updates = size - wanted.inserts - wanted.deletes;
  }
  for (const kind of KINDS) wanted[kind] = Math.min(wanted[kind], left[kind]);
  // Nothing is left of the kind that was drawn: take what is left of the others.
  if (total(wanted) === 0) for (const kind of KINDS) wanted[kind] = Math.min(left[kind], size);
  return wanted;
}

function transactionSql(number: number, parts: { readonly wanted: Counts; readonly ids: LiveIds }): string {
  const { wanted, ids } = parts;
  const at = new Date(Date.UTC(2026, 6, 1) + number * 1000 + 789)
    .toISOString()
    .replace("T", " ")
    .replace("Z", "");
  const statements = ["BEGIN"];
  const updated = ids.draw(wanted.updates);
  if (updated.size > 0) {
    statements.push(
      `UPDATE orders SET qty = qty % 9 + 1, price = price + 0.01, status = 'paid', note = CONCAT('upd ', id, ' tx ${number}'),
        flags = (flags + 1) % 7, updated_at = '${at}' WHERE id IN (${[...updated].join()})`,
    );
  }
  const deleted = ids.draw(wanted.deletes, updated);
  if (deleted.size > 0) {
    ids.remove(deleted);
    statements.push(`DELETE FROM orders WHERE id IN (${[...deleted].join()})`);
  }
  if (wanted.inserts > 0) {
    const rows = Array.from({ length: wanted.inserts }, () => newRow(ids.add(), at));
    statements.push(`INSERT INTO orders VALUES ${rows.join()}`);
  }
  return [...statements, "COMMIT"].join(";\n");
}

const newRow = (id: number, at: string): string =>
  `(${id}, ${id % 10007}, 'SKU-${id % 5000}', ${(id % 9) + 1}, ${(id % 100000) / 100}, 'new', 'note for order ${id}',
    '2026-03-01 00:00:00.123', '${at}', ${id % 7}, ${id / 7}, '{"a":${id},"b":"x"}')`;

/** The ids that are in the table; they are given out in turn and never again. */
class LiveIds {
  readonly #dead: Uint8Array;
  readonly #random: () => number;
  #next: number;

  constructor(rows: number, options: { readonly capacity: number; readonly random: () => number }) {
    this.#next = rows + 1;
    this.#dead = new Uint8Array(options.capacity + 1);
    this.#random = options.random;
  }

  /** `count` different ids that are in the table and not in `except`. */
  draw(count: number, except?: ReadonlySet<number>): Set<number> {
    const drawn = new Set<number>();
    while (drawn.size < count) {
      const id = 1 + Math.floor(this.#random() * (this.#next - 1));
      if (this.#dead[id] === 0 && except?.has(id) !== true) drawn.add(id);
    }
    return drawn;
  }

  remove(ids: ReadonlySet<number>): void {
    for (const id of ids) this.#dead[id] = 1;
  }

  add(): number {
    return this.#next++;
  }
}
