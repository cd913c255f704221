/**
 * Changes rows of `shop.orders` at a steady rate, in a process of its own, and prints what it did as JSON:
 * `node steady-writer.ts <url> <rows> <changes per second> <seconds>`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../scripts/random.ts";
import { TestConnection } from "../support/mysql-connection.ts";

/** Transactions of one server, which number themselves. */
export interface SteadyWork {
  /** Executed GTID set before the first of them, of one server. */
  readonly before: string;
  /** When each was about to be committed, in milliseconds since 1970. */
  readonly committedMs: readonly number[];
  readonly changes: number;
}

const CHANGES = 100;

async function write(url: string, rows: number, perSecond: number, seconds: number): Promise<SteadyWork> {
  await using session = await TestConnection.open(url, "shop");
  const before = String(await session.value("SELECT @@global.gtid_executed"));
  const random = seededRandom(7);
  const committedMs: number[] = [];
  const intervalMs = (CHANGES / perSecond) * 1000;
  const startMs = performance.now();
  for (let i = 0; i * intervalMs < seconds * 1000; i++) {
    const waitMs = startMs + i * intervalMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const ids = new Set<number>();
    while (ids.size < CHANGES) ids.add(1 + Math.floor(random() * rows));
    await session.run(
      `BEGIN; UPDATE orders SET qty = qty + 1, note = CONCAT('upd ', id, ' tx ${i}') WHERE id IN (${[...ids].join()})`,
    );
    committedMs.push(Date.now());
    await session.run("COMMIT");
  }
  return { before, committedMs, changes: committedMs.length * CHANGES };
}

if (import.meta.main) {
  const [url = "", rows, perSecond, seconds] = process.argv.slice(2);
  const work = await write(url, Number(rows), Number(perSecond), Number(seconds));
  process.stdout.write(`${JSON.stringify(work)}\n`);
}
