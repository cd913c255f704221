import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { SourceTls } from "../../../src/capture/connection-options.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { eachMariadb } from "../../support/mariadb.ts";

const CERTIFICATES = join(import.meta.dirname, "../../fixtures/tls");

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof SyncError) return error.code;
    throw error;
  }
}

eachMariadb((test, version) => {
  test("certificates are checked against the name or the address", async ({ startMariadb }) => {
    const file = (name: string): string => join(CERTIFICATES, name);
    await using server = await startMariadb([
      "--ssl",
      `--ssl-ca=${file("ca.pem")}`,
      `--ssl-cert=${file("server-name.pem")}`,
      `--ssl-key=${file("server-name.key")}`,
    ]);
    const ca = readFileSync(file("ca.pem"), "utf8");
    const verify: SourceTls = { mode: "verify", ca, cert: null, key: null };
    const connect = async (host: string, tls: SourceTls): Promise<string> => {
      await using session = await CaptureSession.open(server.url, { host, tls });
      expect(session.connection.encrypted).toBe(true);
      const [row] = await session.connection.query("SHOW STATUS LIKE 'Ssl_version'");
      return row?.[1] ?? "";
    };
    expect(await connect("localhost", verify)).toBe("TLSv1.3");
    expect(await codeOf(connect("127.0.0.1", verify))).toBe("SOURCE_TLS");
    expect(await connect("127.0.0.1", { ...verify, ca: null, mode: "insecure" })).toBe("TLSv1.3");
    expect(await codeOf(connect("localhost", { ...verify, ca: null }))).toBe("SOURCE_TLS");
  });

  // The plugins of 11.4 are not in the jar that it comes in.
  if (version === "10.11") {
    test("a login by ed25519 is signed, for questions and for the binlog", async ({ startMariadb }) => {
      await using server = await startMariadb();
      await using database = await server.database();
      await database.run(`INSTALL SONAME 'auth_ed25519'; CREATE TABLE t (id INT PRIMARY KEY);
        CREATE USER e@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('pässword of no special length');
        GRANT ALL ON *.* TO e@'127.0.0.1'`);
      const url = server.url.replace("root@", `e:${encodeURIComponent("pässword of no special length")}@`);
      const id = { database: database.name, table: "t" };
      await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, [id])), url });
      await database.run("INSERT INTO t VALUES (1)");
      await tape.caughtUp(database.connection);
      expect(tape.rows(id)).toEqual(await rowsOf(database.connection, id));
      expect(await codeOf(CaptureSession.open(server.url.replace("root@", "e:wrong@")))).toBe(
        "SOURCE_ACCESS_DENIED",
      );
    });

    test("a way to log in that is not known is named", async ({ startMariadb }) => {
      await using server = await startMariadb();
      await using database = await server.database();
      await database.run("INSTALL SONAME 'auth_pam'; CREATE USER p@'127.0.0.1' IDENTIFIED VIA pam");
      expect(await codeOf(CaptureSession.open(server.url.replace("root@", "p:x@")))).toBe(
        "SOURCE_ACCESS_DENIED",
      );
    });
  }
});
