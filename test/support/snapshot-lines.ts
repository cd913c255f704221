import { ByteWriter } from "../../src/capture/byte-writer.ts";
import type { MysqlConnection } from "../../src/capture/connection.ts";
import { compileRowLineWriter, snapshotSelect } from "../../src/capture/snapshot-codec.ts";
import type { ChangeBatch } from "../../src/types/change-batch.ts";
import { quoteMysql, quoteMysqlTable } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";

/** The canonical rows of a table as the snapshot's codec writes them, in key order. */
export async function snapshotRows(
  connection: MysqlConnection,
  schema: TableSchema,
): Promise<readonly string[]> {
  const write = compileRowLineWriter(schema);
  const writer = new ByteWriter();
  let n = 0;
  const order = schema.primaryKey.map(quoteMysql).join(", ");
  const sql = `SELECT ${snapshotSelect(schema)} FROM ${quoteMysqlTable(schema.id)} ORDER BY ${order}`;
  await connection.readPackets(sql, (packet, from, to) => {
    write(packet, from, to, writer, n++);
    return null;
  });
  const lines = Buffer.from(writer.written()).toString("utf8").split("\n").slice(0, -1);
  return lines.map((line) => line.slice(line.indexOf('"r":') + 4, -1));
}

/** The row of each change of a batch, as its canonical text. */
export function batchRows(batch: ChangeBatch): readonly string[] {
  return Array.from({ length: batch.count }, (_, i) =>
    Buffer.from(batch.bytes.subarray(batch.rowStart[i], (batch.lineEnd[i] ?? 0) - 2)).toString("utf8"),
  );
}
