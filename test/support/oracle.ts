import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stateLeftovers, tableLeftovers } from "./leftovers.ts";
import { LakeOracle, lakeTableFiles } from "./oracle-lake.ts";
import { sourceRows } from "./oracle-source.ts";
import type { TestConnection } from "./mysql-connection.ts";
import { rowDifferences } from "./row-difference.ts";
import { runTallylake, type ProcessEnd } from "./tallylake-process.ts";
import { runTool } from "./tool-run.ts";

export interface OracleTable {
  readonly database: string;
  readonly table: string;
}

/** What the program itself says about a table. */
export interface TableVerdict {
  readonly table: string;
  readonly verdict: string;
  readonly deep: string | null;
  /** Findings in words, `hop: equation verdict (what differs)`. */
  readonly findings: readonly string[];
}

/** The folder of a config, with what its default places are. */
export interface Place {
  readonly dir: string;
  readonly lakeDir: string;
  readonly stateDir: string;
}

export const placeIn = (dir: string): Place => ({
  dir,
  lakeDir: join(dir, "lake"),
  stateDir: join(dir, ".tallylake"),
});

/** Every byte of a name that is no letter, digit, `_` or `-` stands as %XX in the name of its folder. */
const folderOf = (name: string): string =>
  Array.from(Buffer.from(name), (byte) => {
    const character = String.fromCharCode(byte);
    return /[\w-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");

const tableFolder = ({ lakeDir }: Place, { database, table }: OracleTable): string =>
  join(lakeDir, folderOf(database), folderOf(table));

/** A character that Avro cannot have in a name stands as `_xHHHH_` in that of a column. */
const nameInMysql = (name: string): string =>
  name.replaceAll(/_x([0-9A-F]{4})_/gi, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

/** Before what the program's own report says. */
const REPORT = "report: ";

/** Whether the report alone complains: what `judge` found, when every cell is right and nothing was left behind. */
export const isReportAlone = (found: readonly string[]): boolean =>
  found.length > 0 && found.every((what) => what.startsWith(REPORT));

/**
 * Whether the lake is right, asked in two ways that know nothing of each other: every cell against MySQL,
 * read past all of our code, and the program's own report. Both sides must be at rest.
 */
export class Oracle implements AsyncDisposable {
  readonly #lake: LakeOracle;
  /** Rows of MySQL that were compared so far. */
  rowsCompared = 0;

  private constructor(lake: LakeOracle) {
    this.#lake = lake;
  }

  static async open(): Promise<Oracle> {
    return new Oracle(await LakeOracle.open());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lake[Symbol.asyncDispose]();
  }

  /** How a table of the lake differs from MySQL, in words; empty when every cell is the same. */
  async cells(connection: TestConnection, place: Place, id: OracleTable): Promise<readonly string[]> {
    const files = await lakeTableFiles(tableFolder(place, id));
    const source = await sourceRows(connection, id);
    this.rowsCompared += source.rows.length;
    const lake = await this.#lake.rows(files);
    const names = lake.columns.map(nameInMysql);
    const found: string[] = [];
    if (lake.rows.length > 0 && names.join() !== source.columns.join())
      found.push(`columns ${names.join()} instead of ${source.columns.join()}`);
    const columns = source.columns.map((name) => ({ name }));
    found.push(...rowDifferences(columns, source.key, { expected: source.rows, actual: lake.rows }));
    found.push(...(await this.#lake.metaProblems(files)));
    return found.map((difference) => `${id.table}: ${difference}`);
  }

  /** All that is wrong with the tables and with what was left beside them, the report's verdict included. */
  async judge(
    connection: TestConnection,
    place: Place,
    tables: readonly OracleTable[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<readonly string[]> {
    const found: string[] = [];
    for (const id of tables) {
      found.push(...(await this.cells(connection, place, id)));
      const left = await tableLeftovers(tableFolder(place, id));
      found.push(...left.map((name) => `${id.table}: ${name} was left behind`));
    }
    found.push(...(await stateLeftovers(place.stateDir)).map((name) => `state: ${name} was left behind`));
    const report = await runReport(place, env);
    if (typeof report === "string") return [...found, `${REPORT}${report}`];
    if (report.length !== tables.length) found.push(`${REPORT}${report.length} tables of ${tables.length}`);
    for (const { table, verdict, deep, findings } of report) {
      if (verdict === "match" && deep === "match" && findings.length === 0) continue;
      found.push(`${REPORT}${table} ${verdict}, deep ${String(deep)}: ${findings.join("; ")}`);
    }
    return found;
  }
}

interface ReportJson {
  readonly tables: readonly {
    readonly table: string;
    readonly verdict: string;
    readonly windows: readonly {
      readonly findings: readonly {
        readonly equation: string;
        readonly hop: string;
        readonly verdict: string;
        readonly differs: string | null;
      }[];
    }[];
    readonly deep: { readonly verdict: string } | null;
  }[];
}

/**
 * `tallylake report --deep`; a text when it says something else than a report. It runs in this process, since a
 * hundred scenarios end with it; ClickHouse inside the program is for one folder of a process, so where the
 * config has it the report gets a process of its own.
 */
export async function runReport(
  place: Place,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly TableVerdict[] | string> {
  const args = ["report", "--deep", "--format", "json"];
  const isOwnTrace = !/^trace:/m.test(await readFile(join(place.dir, "tallylake.yaml"), "utf8"));
  const run = isOwnTrace ? reportInChild : reportHere;
  const { code, stdout, stderr } = await run(place, { args, env });
  let json: ReportJson;
  try {
    json = JSON.parse(stdout) as ReportJson;
  } catch {
    return `exit ${String(code)}: ${stderr.trim()}`;
  }
  return json.tables.map(({ table, verdict, windows, deep }) => ({
    table,
    verdict,
    deep: deep?.verdict ?? null,
    findings: windows.flatMap(({ findings }) =>
      findings.map(
        (finding) => `${finding.hop}: ${finding.equation} ${finding.verdict} (${finding.differs ?? "-"})`,
      ),
    ),
  }));
}

interface ReportCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type ReportEnd = Pick<ProcessEnd, "code" | "stdout" | "stderr">;

const reportInChild = (place: Place, { args, env }: ReportCall): Promise<ReportEnd> =>
  runTallylake(place.dir, args, { env });

async function reportHere(place: Place, { args, env }: ReportCall): Promise<ReportEnd> {
  const { exitCode, out, log } = await runTool(place, args, { env });
  return { code: exitCode, stdout: out, stderr: log.map(({ message }) => message).join("\n") };
}
