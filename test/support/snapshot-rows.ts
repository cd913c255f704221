import { textCharsets } from "../../src/capture/catalogue.ts";
import { readCharsets } from "../../src/capture/charset/charset-reader.ts";
import type { MysqlConnection } from "../../src/capture/connection.ts";
import { RowBuffers } from "../../src/capture/row-buffers.ts";
import { snapshotSelect } from "../../src/capture/snapshot-codec.ts";
import { quoteMysql, quoteMysqlTable } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { MemorySink } from "./memory-sink.ts";

/** The canonical rows of a table as the snapshot's codec writes them, in key order. */
export async function snapshotRows(
  connection: MysqlConnection,
  schema: TableSchema,
): Promise<readonly string[]> {
  const sink = new MemorySink(schema);
  const charsets = await readCharsets(connection, textCharsets(schema));
  const buffers = new RowBuffers(schema, new Map(charsets));
  buffers.begin(sink);
  const order = schema.primaryKey.map(quoteMysql).join(", ");
  const sql = `SELECT ${snapshotSelect(schema)} FROM ${quoteMysqlTable(schema.id)} ORDER BY ${order}`;
  await connection.readPackets(sql, (packet, from, to) => buffers.add(packet, from, to));
  await buffers.end();
  return sink.rows;
}
