import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HudiVersion } from "../../scripts/engines.ts";
import { must } from "../../src/util/assert.ts";
import type { EngineRow } from "../support/canonical-row.ts";
import type { ReadStep, WriteStep } from "../support/engines.ts";
import type { SyncedTable } from "./synced-tables.ts";
import { BUCKETS } from "./table-specs.ts";

/**
 * What another writer does to a copy of one of our tables, by Spark: the test that it takes them for Hudi
 * tables in every respect, finds each key where its own index would have put it, and rewrites each value
 * without changing it.
 */
export interface CoWrite {
  readonly spec: string;
  readonly commits: readonly CoWriteCommit[];
  /** The table's rows after it, made of those before. */
  readonly after: (rows: readonly EngineRow[], columnOf: (name: string) => number) => readonly EngineRow[];
}

interface CoWriteCommit {
  readonly operation: "upsert" | "delete";
  readonly rows: readonly CoWriteRows[];
}

/** Rows of the table, written again. */
interface CoWriteRows {
  readonly where: string;
  /** SQL of the columns that are not written as they are. */
  readonly changes: ReadonlyMap<string, string>;
}

/** Greater than any that we have given out, so that the other writer's rows win. */
const LATER: readonly [string, string] = ["_tl_seq", "_tl_seq + 1000000"];
const EARLIER: readonly [string, string] = ["_tl_seq", "-1L"];

export const CO_WRITES: readonly CoWrite[] = [
  {
    spec: "order_line",
    commits: [
      {
        operation: "upsert",
        rows: [
          { where: "tenant = 2", changes: new Map([LATER, ["note", "'spark'"]]) },
          // Older than what is there: must be left out.
          { where: "tenant = 3", changes: new Map([EARLIER, ["note", "'stale'"]]) },
          { where: "tenant = 4", changes: new Map([LATER, ["tenant", "cast(5000 as decimal(38,0))"]]) },
        ],
      },
      { operation: "delete", rows: [{ where: "tenant = 77", changes: new Map([LATER]) }] },
    ],
    after: (rows, columnOf) => {
      const [tenant, note] = [columnOf("tenant"), columnOf("note")];
      return rows.flatMap((row) => {
        if (row[tenant] === "77") return [];
        if (row[tenant] === "2") return [row.with(note, "spark")];
        return row[tenant] === "4" ? [row, row.with(tenant, "5000")] : [row];
      });
    },
  },
  {
    // Every row of every file passes through its hands.
    spec: "every_type",
    commits: [{ operation: "upsert", rows: [{ where: "id % 3 = 0", changes: new Map([LATER]) }] }],
    after: (rows) => rows,
  },
];

/** A co-writer that is told nothing writes to this one: it takes another index and builds a metadata table. */
export const CARELESS: Omit<CoWrite, "after"> = {
  spec: "drained",
  commits: [{ operation: "upsert", rows: [{ where: "id % 2 = 0", changes: new Map() }] }],
};

/** Spark takes them for written by itself once another Spark has rewritten them, and wants to know the calendar. */
const SETTINGS = { "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED" };

/** What a co-writer must be told; with nothing but defaults it makes another table of ours. */
export function coWriterOptions(version: HudiVersion): Readonly<Record<string, string>> {
  return {
    "hoodie.index.type": "BUCKET",
    "hoodie.index.bucket.engine": "SIMPLE",
    "hoodie.bucket.index.num.buckets": String(BUCKETS),
    "hoodie.metadata.enable": "false",
    // Not known before 1.0, whose versions keep our table version anyway.
    ...(version.startsWith("0.") ? {} : { "hoodie.write.auto.upgrade": "false" }),
  };
}

/** The commits of a co-write on the table at `path`. */
export async function writeSteps(
  coWrite: Pick<CoWrite, "commits">,
  { schema }: SyncedTable,
  to: { readonly path: string; readonly options: Readonly<Record<string, string>> },
): Promise<readonly WriteStep[]> {
  const options = { ...(await declared(to.path)), ...LOCAL, ...to.options };
  const names = [
    ...schema.columns.map((column) => column.name),
    "_tl_seq",
    "_tl_ts_ms",
    "_tl_txn",
    "_tl_n",
    "_tl_op",
  ];
  const select = ({ where, changes }: CoWriteRows): string =>
    `SELECT ${names.map((name) => `${changes.get(name) ?? name} AS ${name}`).join(", ")} FROM current WHERE ${where}`;
  return coWrite.commits.map(({ operation, rows }) => ({
    do: "write",
    path: to.path,
    select: rows.map(select).join(" UNION ALL "),
    settings: SETTINGS,
    options: { ...options, "hoodie.datasource.write.operation": operation },
  }));
}

export const readAgain = ({ columns }: SyncedTable, path: string): ReadStep => ({
  do: "read",
  path,
  columns,
  view: { kind: "snapshot" },
});

/** Small jobs, and no server beside the driver. */
const LOCAL = {
  "hoodie.upsert.shuffle.parallelism": "2",
  "hoodie.delete.shuffle.parallelism": "2",
  "hoodie.embed.timeline.server": "false",
};

/** What the table says of itself, in the words of the data source. */
async function declared(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(path, ".hoodie", "hoodie.properties"), "utf8");
  const property = (name: string): string => {
    const line = text.split("\n").find((candidate) => candidate.startsWith(`${name}=`));
    return must(line, name).slice(name.length + 1);
  };
  return {
    "hoodie.table.name": property("hoodie.table.name"),
    "hoodie.datasource.write.table.type": property("hoodie.table.type"),
    "hoodie.datasource.write.recordkey.field": property("hoodie.table.recordkey.fields"),
    "hoodie.datasource.write.precombine.field": property("hoodie.table.precombine.field"),
    "hoodie.datasource.write.keygenerator.class": property("hoodie.table.keygenerator.class"),
    "hoodie.datasource.write.payload.class": property("hoodie.compaction.payload.class"),
  };
}
