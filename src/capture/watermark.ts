/**
 * The two ends of a snapshot's window.
 *
 * Low: every transaction in it is visible to any later read, so what a chunk does not show was committed
 * after it. `@@gtid_executed` has this property: the server adds a GTID when the commit is visible. The end of
 * the binlog has not: the binlog is written before the engine makes the commit visible. MariaDB has another one
 * (`mariadb/dialect.ts`).
 *
 * High: it covers every transaction that any earlier read can have seen. The end of the binlog has this
 * property, for the same reason, and `@@gtid_executed` has not.
 *
 * Transactions that were prepared by XA break the low one: a prepared transaction has its GTID in
 * `@@gtid_executed` while its rows are invisible, and they stay invisible until an XA COMMIT that carries no
 * rows. So after the low watermark there must be a moment without any, and only then are chunks read: what was
 * prepared before the mark has ended by then, and every chunk sees how. What is prepared later has its PREPARE
 * behind the mark, where the stream gets its rows (`prepared-xa.ts`).
 */
import { syncError } from "../types/errors.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { BinlogOffset } from "../types/source-position.ts";
import { readAccount } from "./account.ts";
import type { MysqlConnection } from "./connection.ts";
import type { TextRow } from "./text-row.ts";

export interface LowWatermark {
  readonly gtids: GtidSet;
  /** About the same place, for people: transactions outside `gtids` can lie before it. */
  readonly binlog: BinlogOffset;
}

/** Of what XA RECOVER shows; `hexOf` gives the bytes of a shown xid as hexadecimal digits. */
export const xidTexts = (rows: readonly TextRow[], hexOf: (data: string) => string): readonly string[] =>
  rows.map(([format, gtridBytes, bqualBytes, data]) => {
    const hex = hexOf(data ?? "");
    const cut = Number(gtridBytes) * 2;
    return `X'${hex.slice(0, cut)}',X'${hex.slice(cut, cut + Number(bqualBytes) * 2)}',${format ?? ""}`;
  });

/**
 * To be called after the low watermark was read; the caller begins anew, with another mark, while it throws.
 * @throws SyncError SOURCE_XA_OPEN, and SOURCE_GRANT_MISSING when the server does not say
 */
export async function requireNoOpenXa(connection: MysqlConnection): Promise<void> {
  const open = await connection.dialect.readOpenXa(connection);
  if (open === null) {
    const { quoted } = await readAccount(connection);
    throw syncError("SOURCE_GRANT_MISSING", "whether prepared XA transactions are open cannot be seen", {
      hint: `GRANT XA_RECOVER_ADMIN ON *.* TO ${quoted};`,
    });
  }
  if (open.length === 0) return;
  throw syncError("SOURCE_XA_OPEN", `${open.length} prepared XA transactions are open: ${open.join("; ")}`, {
    hint: "end each with XA COMMIT or XA ROLLBACK and its xid: a snapshot cannot see rows that are only prepared",
  });
}
