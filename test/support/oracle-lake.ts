import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { floatBits, type EngineRow } from "./canonical-row.ts";

/** What stands in the folder of a table of the lake. */
export interface LakeTableFiles {
  /** Instants of completed commits, oldest first. */
  readonly commits: readonly string[];
  /** Paths of the base files that make up the latest state. */
  readonly latest: readonly string[];
}

export interface LakeRows {
  readonly columns: readonly string[];
  readonly rows: readonly EngineRow[];
}

const COMMIT = /^(\d{17})\.commit$/;
const BASE_FILE = /^(\d{8}-.+-0)_\d+-\d+-\d+_(\d{17})\.parquet$/;

/**
 * Hudi's rule in a few lines: a commit counts when its completed file is there, and of each file group the
 * base file of the greatest such commit. This knows nothing of the code that wrote the table, which it judges.
 */
export async function lakeTableFiles(root: string): Promise<LakeTableFiles> {
  const timeline = await readdir(join(root, ".hoodie"));
  const commits = timeline.flatMap((name) => COMMIT.exec(name)?.[1] ?? []).sort();
  const latest = new Map<string, { readonly instant: string; readonly path: string }>();
  for (const name of await readdir(root)) {
    const [, group, instant] = BASE_FILE.exec(name) ?? [];
    if (group === undefined || instant === undefined || !commits.includes(instant)) continue;
    const known = latest.get(group);
    if (known === undefined || known.instant < instant)
      latest.set(group, { instant, path: join(root, name) });
  }
  return { commits, latest: [...latest.values()].map(({ path }) => path).sort() };
}

/** Reads tables of the lake with a DuckDB of its own. */
export class LakeOracle implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<LakeOracle> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "1GB" });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new LakeOracle(instance, connection);
  }

  /** All rows of the latest state, their user columns in canonical text. */
  async rows(files: LakeTableFiles): Promise<LakeRows> {
    const types = await this.#columns(files.latest);
    const columns = types.filter(([name]) => !/^_(hoodie|tl)_/.test(name));
    if (files.latest.length === 0) return { columns: [], rows: [] };
    const list = columns.map(([name, type]) => canonical(quoted(name), type)).join(", ");
    const found = await this.#read(`SELECT ${list} FROM ${parquet(files.latest)}`);
    const single = columns.map(([, type]) => type === "FLOAT");
    const rows = found.map((row) => row.map((value, i) => textOf(value, single[i] === true)));
    return { columns: columns.map(([name]) => name), rows };
  }

  /** What must hold of the columns that Hudi and we add, whatever the rows are; empty when it does. */
  async metaProblems(files: LakeTableFiles): Promise<readonly string[]> {
    if (files.latest.length === 0) return [];
    const commits = files.commits.map((instant) => `'${instant}'`).join(", ");
    const checks: readonly (readonly [string, string])[] = [
      ["rows of a commit that is not completed", `_hoodie_commit_time NOT IN (${commits})`],
      ["rows that name another file", "NOT ends_with(filename, '/' || _hoodie_file_name)"],
      ["rows with a commit after their file's", "_hoodie_commit_time > _hoodie_file_name[-25:-9]"],
      ["deleted rows", "_tl_op = 'd'"],
      ["rows without an event", "_tl_txn IS NULL OR _tl_n IS NULL OR _tl_seq IS NULL OR _tl_ts_ms IS NULL"],
    ];
    const counts = checks.map(([, condition]) => `count(*) FILTER (${condition})`);
    const select = [...counts, "count(*) - count(DISTINCT _hoodie_record_key)"].join(", ");
    const from = `read_parquet([${files.latest.map(literal).join(", ")}], filename = true)`;
    const [found = []] = await this.#read(`SELECT ${select} FROM ${from}`);
    const names = [...checks.map(([name]) => name), "rows with a record key that another row has"];
    return names.flatMap((name, i) => (found[i] === 0n ? [] : [`${String(found[i])} ${name}`]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #columns(paths: readonly string[]): Promise<readonly (readonly [string, string])[]> {
    if (paths.length === 0) return [];
    const rows = await this.#read(`DESCRIBE SELECT * FROM ${parquet(paths)}`);
    return rows.map(([name, type]) => [String(name), String(type)] as const);
  }

  async #read(sql: string): Promise<readonly (readonly unknown[])[]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJS();
  }
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const parquet = (paths: readonly string[]): string => `read_parquet([${paths.map(literal).join(", ")}])`;

/** Text by the type that the file has; floats stay numbers, whose bits are what counts. */
function canonical(column: string, type: string): string {
  if (type === "FLOAT" || type === "DOUBLE") return column;
  if (type === "BLOB") return `lower(hex(${column}))`;
  if (type === "TIMESTAMP WITH TIME ZONE") return `CAST(epoch_us(${column}) AS VARCHAR)`;
  return `CAST(${column} AS VARCHAR)`;
}

function textOf(value: unknown, single: boolean): string | null {
  if (value === null) return null;
  if (typeof value === "number") return floatBits(value, single);
  if (typeof value === "string") return value;
  throw new TypeError(`a value of the lake is neither text nor number but ${typeof value}`);
}
