import { createConnection, type Connection, type ResultSetHeader } from "mysql2/promise";
import { setupError } from "../setup-error.ts";
import { insertStatements, shopSize, type ShopSize } from "./rows.ts";
import { SHOP_DDL, SHOP_TABLES, type ShopTable } from "./schema.ts";

export interface LoadOptions {
  /** `mysql://user@host:port/database`; the database is made when absent. */
  readonly url: string;
  /** 1 is about 337,000 rows. */
  readonly scale?: number;
  /** Drop a shop that is there already, instead of refusing. */
  readonly replace?: boolean;
}

/** As many as a small machine has cores; the largest tables come first, so that they fill evenly. */
const SESSIONS = 2;
const LOAD_ORDER = ["orders", "order_item", "customer", "price_list", "product", "coupon"] as const;

/** Loads the sample shop, the same rows every time; how many rows each table got. */
export async function loadShop(options: LoadOptions): Promise<ReadonlyMap<ShopTable, number>> {
  const size = shopSize(options.scale ?? 1);
  await makeTables(options);
  const rows = new Map<ShopTable, number>(SHOP_TABLES.map((table) => [table, 0]));
  const waiting: ShopTable[] = [...LOAD_ORDER];
  const fill = async (): Promise<void> => {
    await inShop(options.url, async (session) => {
      for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
        rows.set(table, await fillTable(session, { table, size }));
      }
    });
  };
  await Promise.all(Array.from({ length: SESSIONS }, fill));
  return rows;
}

async function makeTables(options: LoadOptions): Promise<void> {
  const { connection, database } = await openShop(options.url);
  try {
    await connection.query(`CREATE DATABASE IF NOT EXISTS \`${database}\``);
    await connection.query(`USE \`${database}\``);
    if (options.replace === true) await connection.query(`DROP TABLE IF EXISTS ${SHOP_TABLES.join(", ")}`);
    else await refuseOccupied(connection, database);
    for (const table of SHOP_TABLES) await connection.query(SHOP_DDL[table]);
  } finally {
    await connection.end();
  }
}

async function fillTable(
  session: Connection,
  parts: { readonly table: ShopTable; readonly size: ShopSize },
): Promise<number> {
  // The rows must not depend on the server's zone.
  await session.query("SET time_zone = '+00:00', cte_max_recursion_depth = 100000000");
  let rows = 0;
  for (const statement of insertStatements(parts.table, parts.size)) {
    const [result] = await session.query<ResultSetHeader>(statement);
    rows += result.affectedRows;
  }
  // The row estimates of information_schema are those of an empty table until this has run.
  await session.query(`ANALYZE TABLE ${parts.table}`);
  return rows;
}

async function inShop(url: string, task: (session: Connection) => Promise<void>): Promise<void> {
  const { connection, database } = await openShop(url);
  try {
    await connection.query(`USE \`${database}\``);
    await task(connection);
  } finally {
    await connection.end();
  }
}

async function refuseOccupied(connection: Connection, database: string): Promise<void> {
  const [found] = await connection.query(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = ?",
    [database],
  );
  if (!Array.isArray(found) || found.length === 0) return;
  throw setupError(`database ${database} already has ${found.length} tables`, {
    hint: "name another database in the URL",
  });
}

/** A session that is in no database yet, and the database that the URL names. */
export async function openShop(url: string): Promise<{ connection: Connection; database: string }> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1)) || "shop";
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    charset: "utf8mb4_0900_ai_ci",
    multipleStatements: true,
    // Count the rows that an UPDATE changed, not those that it found.
    flags: ["-FOUND_ROWS"],
  });
  return { connection, database };
}
