/**
 * The trace stage: what each hop of the path saw of a table's changes, and the proof that they saw the same.
 *
 *     commits of the lake ──▶ recorder ──▶ ClickHouse ──▶ reconcile ──▶ report
 *
 * The job. Every commit of a lake table carries in its own metadata the counts of the changes it was made
 * from, hop by hop. This stage copies them to a store where they can be asked for by table and time, checks
 * the equations between them, and words the result. It reads no row and decides nothing about the data.
 *
 * Guarantees.
 * - The data path never waits for the store. The queue is the lake itself: what is not recorded yet is found
 *   again by asking the store for the newest commit that it has, and the lake for the later ones.
 * - A commit is recorded as a whole or not at all, and once: a record is valid when its row in `commit`
 *   exists, which is inserted after its counts, and every row has a key by which a retry replaces it.
 * - What was recorded stays after `kill -9`, and after a power cut on the store's machine.
 * - A verdict rests on exact equality, of numbers and of digests of the event ids, never on a ratio or a clock.
 *
 * What a crash leaves, by the step after which it comes:
 *
 *     | after                          | the store has                   | next start                       |
 *     | lake commit                    | nothing of it                   | records it                       |
 *     | insert of counts (some or all) | rows that no commit row names   | records again: same rows, same   |
 *     |                                |                                 | keys, so they replace each other |
 *     | insert of commit rows          | the record                      | goes on behind it                |
 *     | an insert without an answer    | one of the above                | as above                         |
 *
 * Commit rows of one month are inserted in one part and months in order, so that the newest recorded commit
 * has all earlier ones before it. An operator may drop old months, from both tables (DROP PARTITION).
 *
 * What is counted. `rows` is a number of changes or of rows; `ids` digests their event ids. All counts of
 * one commit are of the position interval that the commit covers, and of the attempt that committed.
 *
 *     | hop     | classes                | counts                                                           |
 *     | source  | c u d                  | changes in the binlog, by an independent reader                  |
 *     | capture | c u d                  | changes as decoded, those included that turn out to be duplicates|
 *     |         | r                      | rows that the snapshot read; only in a table's first commit      |
 *     | produce | c u d                  | changes in committed Kafka transactions; absent in process       |
 *     | consume | c u d                  | changes that arrived behind the channel                          |
 *     | dedup   | new, duplicate         | of consumed changes: first seen, and already in the table        |
 *     | apply   | applied                | decides its row: the last change of its key in the commit        |
 *     |         | superseded             | a later change of its key is in the same commit                  |
 *     |         | filtered, rolled_back  | left out by a rule of the config; what XA rolls back never comes |
 *     |         | deleted                | of `applied`: the deletes, whether or not the key was there      |
 *     | commit  | upserted               | rows written with this commit as their commit time               |
 *     |         | inserted, updated      | of `upserted`: keys that were not, and that were in the table    |
 *     |         | deleted                | keys that were in the table and no longer are                    |
 *     |         | rows_before, rows_after| rows of the table                                                |
 *     | lake    | upserted, rows_after   | the same, read back from the committed files                     |
 *
 * A first commit starts from an empty table: `rows_before` is 0, and its snapshot rows are changes of class
 * `r`, each of which is applied or superseded like any other. They exist at capture only, since they go to
 * the lake without channel and dedup. Classes without rows may be left out, but `rows_before` and
 * `rows_after` are in every commit. `inserted`, `updated`, `deleted` at commit and the two totals have no ids.
 *
 * Limits. Two writers for the same source and table in one database of the store would mix: each deployment
 * takes its own. A window is answered in memory, so ask for one table at a time when it is long. Digests are
 * sums of 64-bit hashes: they find mistakes, not forgeries.
 */
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { TraceQuery, TraceRecord, TraceStore } from "../types/ports.ts";
import type { HopCount } from "../types/hop-count.ts";
import { openClickHouse, type ClickHouse, type ClickHouseOptions } from "./clickhouse-connection.ts";
import type { Migration } from "./migration-plan.ts";
import { MIGRATIONS, migrateSchema, readMigrations } from "./schema-migration.ts";
import {
  COMMIT_COLUMNS,
  COMMIT_SELECT,
  COUNT_COLUMNS,
  COUNT_SELECT,
  decodeCommit,
  decodeCount,
  encodeRecord,
  orderedCounts,
  recordingKey,
  type RecordRows,
  type StoredCommit,
} from "./trace-row.ts";

export interface TraceStoreOptions extends ClickHouseOptions {
  /** Name of the database in ClickHouse; created by `migrate` when it is absent. */
  readonly database?: string;
  readonly now: () => number;
  /** Those of this version; a test passes others. */
  readonly migrations?: readonly Migration[];
}

const DATABASE = "tallylake";

/** @throws SyncError TRACE_UNAVAILABLE when ClickHouse in process cannot be opened. A server is not asked yet. */
export async function openTraceStore(options: TraceStoreOptions): Promise<TraceStore> {
  const migrations = options.migrations ?? (await readMigrations(MIGRATIONS));
  const clickhouse = await openClickHouse(options);
  return new ClickHouseStore(clickhouse, {
    migrations,
    database: options.database ?? DATABASE,
    now: options.now,
  });
}

interface StoreFacts {
  readonly database: string;
  readonly migrations: readonly Migration[];
  readonly now: () => number;
}

// Tables are pairs, and a typed parameter is a list of one type: two lists, zipped again.
const ASKED_FOR = `
source = {source:String}
AND (\`database\`, \`table\`) IN (SELECT arrayJoin(arrayZip({databases:Array(String)}, {tables:Array(String)})))
AND toUnixTimestamp64Milli(committed_at) >= {since:Int64}`;

const SELECT_COMMITS = `
SELECT ${COMMIT_SELECT}
FROM {database:Identifier}.commit FINAL
WHERE ${ASKED_FOR}
ORDER BY committed_at, commit, \`database\`, \`table\``;

const SELECT_COUNTS = `
SELECT ${COUNT_SELECT}
FROM {database:Identifier}.commit_count FINAL
WHERE ${ASKED_FOR}
AND (\`database\`, \`table\`, commit, recording) IN (
  SELECT \`database\`, \`table\`, commit, recording FROM {database:Identifier}.commit FINAL WHERE ${ASKED_FOR}
)`;

const SELECT_NEWEST = `
SELECT max(commit)
FROM {database:Identifier}.commit
WHERE source = {source:String} AND \`database\` = {name:String} AND \`table\` = {table:String}
AND match(commit, '^[0-9]{17}$')`;

interface Answer {
  readonly records: readonly TraceRecord[];
  /** A commit of which not all counts were found. */
  readonly incomplete: StoredCommit | null;
}

class ClickHouseStore implements TraceStore {
  readonly #clickhouse: ClickHouse;
  readonly #facts: StoreFacts;

  constructor(clickhouse: ClickHouse, facts: StoreFacts) {
    this.#clickhouse = clickhouse;
    this.#facts = facts;
  }

  async migrate(): Promise<void> {
    await migrateSchema(this.#clickhouse, this.#facts);
  }

  async record(records: readonly TraceRecord[]): Promise<void> {
    const params = { database: this.#facts.database };
    const recordedAtMs = this.#facts.now();
    const encoded = records.map((record) => encodeRecord(record, recordedAtMs));
    for (const rows of byPartition(encoded)) {
      await this.#clickhouse.insert(
        "insert counts",
        `INSERT INTO {database:Identifier}.commit_count (${COUNT_COLUMNS})`,
        { params, rows: rows.flatMap(({ counts }) => counts) },
      );
      await this.#clickhouse.insert(
        "insert commits",
        `INSERT INTO {database:Identifier}.commit (${COMMIT_COLUMNS})`,
        { params, rows: rows.map(({ commit }) => commit) },
      );
    }
  }

  async recordedThrough(source: string, table: TableId): Promise<string | null> {
    const rows = await this.#clickhouse.select("ask for the newest commit", SELECT_NEWEST, {
      database: this.#facts.database,
      source,
      name: table.database,
      table: table.table,
    });
    const [newest] = z.tuple([z.string()]).parse(rows[0]);
    return newest === "" ? null : newest;
  }

  async records(query: TraceQuery): Promise<readonly TraceRecord[]> {
    const first = await this.#read(query);
    // Counts may be missing because the commit was recorded anew between the two statements of a read.
    const { records, incomplete } = first.incomplete === null ? first : await this.#read(query);
    if (incomplete !== null) throw countsLost(incomplete);
    return records;
  }

  async #read(query: TraceQuery): Promise<Answer> {
    const params = {
      database: this.#facts.database,
      source: query.source,
      databases: query.tables.map((id) => id.database),
      tables: query.tables.map((id) => id.table),
      since: query.sinceMs,
    };
    const commits = (await this.#clickhouse.select("read commits", SELECT_COMMITS, params)).map(decodeCommit);
    const counts = new Map<string, HopCount[]>(commits.map((commit) => [recordingKey(commit), []]));
    const onRow = (row: unknown): void => {
      const { key, count } = decodeCount(row);
      // A commit that was recorded since the first statement has no list here.
      counts.get(key)?.push(count);
    };
    await this.#clickhouse.scan("read counts", SELECT_COUNTS, { params, onRow });
    const of = (commit: StoredCommit): readonly HopCount[] => counts.get(recordingKey(commit)) ?? [];
    return {
      records: commits.map((commit) => {
        const { recording: _recording, countRows: _countRows, ...record } = commit;
        return { source: query.source, ...record, counts: orderedCounts(of(commit)) };
      }),
      incomplete: commits.find((commit) => of(commit).length !== commit.countRows) ?? null,
    };
  }

  async close(): Promise<void> {
    await this.#clickhouse.close();
  }
}

/** Groups of one partition each, in order, so that a later commit is never there without an earlier one. */
function byPartition(records: readonly RecordRows[]): readonly (readonly RecordRows[])[] {
  const groups = new Map<string, RecordRows[]>();
  for (const record of records) {
    const group = groups.get(record.partition) ?? [];
    group.push(record);
    groups.set(record.partition, group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function countsLost({ commit, table, countRows }: StoredCommit): Error {
  return syncError(
    "TRACE_SCHEMA",
    `the trace store lacks some of the ${countRows} counts of commit ${commit} of ${formatTableId(table)}`,
    {
      hint: "drop the same partitions from commit and commit_count, or set another trace.database, which is filled again from the lake",
    },
  );
}
