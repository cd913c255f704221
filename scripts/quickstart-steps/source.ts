import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { MysqlServer } from "../mysql/server.ts";
import { openShop } from "../shop/load.ts";
import type { Narrator } from "./narrator.ts";

/** The server that the quickstart takes its tables from. */
export interface Source extends AsyncDisposable {
  /** Of a user that may do everything, with the database of the shop. */
  readonly adminUrl: string;
  readonly database: string;
  readonly user: string;
  readonly host: string;
}

const PASSWORD_FILE = "mysql.password";

/** A server of our own, which ends with this process and leaves nothing behind. */
export async function ownSource(narrator: Narrator): Promise<Source> {
  // Commits are forced to disk as on a production server, so that `check` has nothing to say about that.
  const server = await MysqlServer.start([], { durable: true, notice: (line) => narrator.say(line) });
  narrator.say(`MySQL ${server.version} on 127.0.0.1:${server.port}, for this run only`);
  return {
    adminUrl: `${server.url}/shop`,
    database: "shop",
    user: "tallylake",
    host: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A server that is there already: a database and a user of our own on it, dropped at the end. */
export async function givenSource(url: string, narrator: Narrator): Promise<Source> {
  const { host, port } = new URL(url);
  // A second run beside this one, on the same server, must not meet it.
  const name = `tallylake_quickstart_${randomBytes(3).toString("hex")}`;
  const address = port === "" ? `${host}:3306` : host;
  narrator.say(`the MySQL on ${address}; ${name} is the database there, and the user`);
  const adminUrl = new URL(url);
  adminUrl.pathname = `/${name}`;
  return {
    adminUrl: adminUrl.href,
    database: name,
    user: name,
    host: address,
    [Symbol.asyncDispose]: async () => {
      const { connection } = await openShop(adminUrl.href);
      await connection.query(`DROP DATABASE IF EXISTS ${name}; DROP USER IF EXISTS ${name}`);
      await connection.end();
    },
  };
}

/**
 * Makes the user that tallylake reads with, which has the documented grants and nothing more. Its password
 * goes into a file of the folder `.`; the source's URL for the config, with a reference to that file.
 */
export async function makeUser(
  { adminUrl, database, user, host }: Source,
  narrator: Narrator,
): Promise<string> {
  const password = randomBytes(12).toString("hex");
  const grants = [
    `GRANT SELECT ON ${database}.* TO ${user}`,
    `GRANT REPLICATION SLAVE, REPLICATION CLIENT, XA_RECOVER_ADMIN ON *.* TO ${user}`,
  ];
  const { connection } = await openShop(adminUrl);
  try {
    await connection.query([`CREATE USER ${user} IDENTIFIED BY '${password}'`, ...grants].join("; "));
  } finally {
    await connection.end();
  }
  await writeFile(PASSWORD_FILE, `${password}\n`, { mode: 0o600 });
  narrator.show([`CREATE USER ${user} IDENTIFIED BY '…';`, ...grants.map((grant) => `${grant};`)].join("\n"));
  return `mysql://${user}:\${file:${PASSWORD_FILE}}@${host}`;
}

/** Rows of a statement as MySQL prints them, cells by commas; NULL is empty. */
export async function askMysql({ adminUrl, database }: Source, sql: string): Promise<readonly string[]> {
  const { connection } = await openShop(adminUrl);
  try {
    await connection.query(`USE ${database}`);
    const [rows] = await connection.query({ sql, rowsAsArray: true, typeCast: (field) => field.string() });
    return (rows as unknown as (string | null)[][]).map((cells) => cells.map((cell) => cell ?? "").join(","));
  } finally {
    await connection.end();
  }
}
