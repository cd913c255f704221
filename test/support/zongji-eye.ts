import ZongJi from "@vlasky/zongji";
import type { ColumnType } from "../../src/types/table-schema.ts";
import { updated, type SeenChange } from "./seen-change.ts";

/* What zongji's own decoder, of which capture uses nothing, says of rows. */

export interface ZongjiChanges {
  readonly changes: ReadonlyMap<string, readonly SeenChange[]>;
  /** What it could not read, in its words. */
  readonly errors: readonly string[];
}

export interface ZongjiRequest {
  /** Of the tables with a column `v`. */
  readonly types: ReadonlyMap<string, ColumnType>;
  readonly database: string;
  /** What it is not to be sent. */
  readonly without: string;
  /** The table whose first row is the last thing to be read. */
  readonly last: string;
}

interface RowsEvent {
  readonly tableId: number;
  readonly tableMap: Readonly<Record<number, { readonly tableName: string }>>;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

const SERVER_ID = 3_100_001;

export async function zongjiChanges(url: string, request: ZongjiRequest): Promise<ZongjiChanges> {
  const { hostname, port, username, password } = new URL(url);
  const changes = new Map<string, SeenChange[]>();
  const errors: string[] = [];
  const ended = Promise.withResolvers<undefined>();
  const options: Record<string, unknown> = {
    ...{ host: hostname, port: Number(port), user: username, password },
    ...{ dateStrings: true, supportBigNumbers: true, jsonStrings: true, timezone: "Z" },
  };
  const reader = new ZongJi(options);
  reader.on("error", (error: Error) => {
    errors.push(error.message);
  });
  reader.on("binlog", (event) => {
    const name = event.getEventName();
    if (name === "tablemap") return;
    const { tableId, tableMap, rows } = event as unknown as RowsEvent;
    const table = tableMap[tableId]?.tableName ?? "";
    if (table === request.last) ended.resolve(undefined);
    const type = request.types.get(table);
    if (type === undefined) return;
    const list = changes.get(table) ?? [];
    changes.set(table, list);
    for (const row of rows) list.push(...changesOf(name, row, type));
  });
  reader.start({
    serverId: SERVER_ID,
    gtidSet: request.without,
    includeEvents: ["tablemap", "writerows", "updaterows", "deleterows"],
    includeSchema: { [request.database]: true },
  });
  try {
    await ended.promise;
  } finally {
    reader.stop();
  }
  return { changes, errors };
}

function changesOf(
  name: string,
  row: Readonly<Record<string, unknown>>,
  type: ColumnType,
): readonly SeenChange[] {
  if (name === "deleterows") return [{ op: "d", id: Number(row["id"]), cell: null }];
  if (name === "writerows") return [{ op: "c", id: Number(row["id"]), cell: cellOf(row["v"], type) }];
  const { before, after } = row as { readonly before: typeof row; readonly after: typeof row };
  return updated(Number(before["id"]), { id: Number(after["id"]), cell: cellOf(after["v"], type) });
}

function cellOf(value: unknown, type: ColumnType): string | null {
  if (value === null) return null;
  if (Buffer.isBuffer(value)) {
    if (type.kind === "bit") return String(BigInt(`0x${value.toString("hex")}`));
    return value.toString("base64");
  }
  if (Object.is(value, -0)) return "-0.0";
  if (typeof value === "string" || typeof value === "number") return String(value);
  return value === undefined ? "undefined" : JSON.stringify(value);
}
