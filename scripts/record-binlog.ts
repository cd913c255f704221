/**
 * Records what `record-binlog/statements.ts` makes a real server write into its binlog, for tests that change its
 * bytes: `node scripts/record-binlog.ts`. The files of the binlog, one behind another without their magic numbers, and
 * beside them what a reader has to ask the server for: the character sets.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readCharsets } from "../src/capture/charset/charset-reader.ts";
import { connectMysql } from "../src/capture/connection.ts";
import { endpointOf } from "../test/support/capture-session.ts";
import type { TestConnection } from "../test/support/mysql-connection.ts";
import { privateServer } from "../test/support/test-mysql.ts";
import { stderrNotice } from "./process/notice.ts";
import { HISTORY, RECORDED_TABLES, SCHEMA } from "./record-binlog/statements.ts";

const FOLDER = new URL("../test/fixtures/binlog/", import.meta.url);
const DATABASE = "recorded";
/** In front of the first event of a file. */
const MAGIC_BYTES = 4;
/** Of columns and of names of members in the tables above. */
const CHARSETS = ["ascii", "binary", "greek", "latin1", "latin2", "utf16", "utf8mb3", "utf8mb4"];
const TABLED = ["greek", "latin2", "utf16"] as const;

async function write(connection: TestConnection): Promise<void> {
  await connection.run("SET sql_mode = '', time_zone = '+00:00'");
  await connection.run("CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, v INT)");
  for (const sql of [...SCHEMA, ...HISTORY]) await connection.run(sql);
}

/** The files of the binlog, once the server has written all of them. */
async function binlogs(connection: TestConnection): Promise<Buffer> {
  await connection.run("FLUSH BINARY LOGS");
  const folder = String(await connection.value("SELECT @@datadir"));
  const names = await connection.rows("SHOW BINARY LOGS");
  const files = await Promise.all(names.slice(0, -1).map(([name]) => readFile(join(folder, String(name)))));
  return Buffer.concat(files.map((file) => file.subarray(MAGIC_BYTES)));
}

async function charsetsOf(url: string): Promise<unknown> {
  const connection = await connectMysql(endpointOf(url));
  try {
    const rows = await connection.query("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS");
    const collations = rows.map(([id, charset]) => [Number(id), charset ?? ""] as const);
    const tables = await readCharsets(connection, TABLED);
    return {
      collations: collations.filter(([, charset]) => CHARSETS.includes(charset)),
      charsets: tables.map(([name, table]) => [
        name,
        table.form === "tree" ? { ...table, tree: [...table.tree] } : table,
      ]),
    };
  } finally {
    await connection.close();
  }
}

await using server = await privateServer([], { notice: stderrNotice });
await using connection = await server.connect();
await connection.run(`CREATE DATABASE ${DATABASE}; USE ${DATABASE}; RESET BINARY LOGS AND GTIDS`);
await write(connection);
const version = String(await connection.value("SELECT VERSION()"));
const name = `mysql-${version.split(".").slice(0, 2).join(".")}`;
const tables = RECORDED_TABLES.map((table) => `${DATABASE}.${table.name}`);
await mkdir(FOLDER, { recursive: true });
await writeFile(new URL(`${name}.bin`, FOLDER), await binlogs(connection));
const beside = { version, tables, ...((await charsetsOf(server.url)) as object) };
await writeFile(new URL(`${name}.json`, FOLDER), `${JSON.stringify(beside)}\n`);
process.stdout.write(`test/fixtures/binlog/${name}.bin\n`);
