/**
 * Asking the lake. One SELECT of DuckDB, over a view for each table that it names, all of them at one position
 * of the source wherever that is possible.
 *
 * Which state. Tables commit at their own times, so the newest states of two tables belong to different
 * positions as a rule. A query that names one table gets that table's newest state. One that names several gets
 * the newest position at which the state of each is known: where a commit of it stands, or where the commits
 * behind it prove that nothing changed (`common-cut.ts`). Such a position always exists for tables that came
 * into the lake together, until the files of those states are cleaned away; when there is none, each table shows
 * its newest state, and the result says so. `cut` tells which of these it is.
 *
 * What is safe. The files of a state are listed once and never change; cleaning leaves them alone for as long as
 * the config says, and a query that runs longer than that fails, and does not return less. Nothing is locked.
 * Only the named files can be read (`query-session.ts`), and nothing can be written.
 *
 * What is exact. DuckDB makes all texts, so integers and decimals of any size are printed as they are.
 */
import { isSyncError, syncError } from "../types/errors.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import { findCommonCut } from "./common-cut.ts";
import { instantTimeMs } from "./instant.ts";
import { META_SUFFIX, namesIn, resolveNames, showableTables } from "./query-names.ts";
import { QuerySession, type QueryColumn, type QueryLimits } from "./query-session.ts";
import { readStatement, type QueryStatement } from "./query-statement.ts";
import {
  cellExpressions,
  columnName,
  CSV_LINE_END,
  csvHeader,
  csvLineExpression,
  distinctNames,
  jsonLineExpression,
  wrapQuery,
} from "./query-text.ts";
import { viewStatements } from "./query-view.ts";
import { TableHistory, type KnownQuiet, type TableSpan } from "./table-history.ts";

export interface LakeQueryOptions {
  readonly lakeDir: string;
  /** The tables that there are. */
  readonly tables: readonly TableId[];
  readonly sql: string;
  /** The greatest instant of a commit that counts; null for the latest state. */
  readonly asOf: string | null;
  /** What is known of tables beyond their commits, by `tableKey`; asked only when there are several. */
  readonly quiet: () => Promise<ReadonlyMap<string, KnownQuiet>>;
  readonly limits: QueryLimits;
  readonly signal: AbortSignal;
}

/** Where one table stands in a result. */
export interface TableCut {
  readonly id: TableId;
  /** Of the commit whose files are read. */
  readonly instant: string;
  readonly position: SourcePosition;
}

/** At which position of the source the tables of a result stand. */
export type QueryCut =
  /** No table is read. */
  | { readonly kind: "none" }
  /** One for all; `behindMs` is the most by which a newer state of one of them was committed later. */
  | {
      readonly kind: "one";
      readonly at: SourcePosition;
      readonly tables: readonly TableCut[];
      readonly behindMs: number;
    }
  | { readonly kind: "several"; readonly tables: readonly TableCut[] };

export class LakeQuery {
  readonly #session: QuerySession;
  readonly #sql: string;
  readonly #signal: AbortSignal;
  readonly columns: readonly QueryColumn[];
  readonly cut: QueryCut;

  private constructor(
    parts: { readonly session: QuerySession; readonly statement: QueryStatement; readonly cut: QueryCut },
    columns: readonly QueryColumn[],
    signal: AbortSignal,
  ) {
    this.#session = parts.session;
    this.#sql = parts.statement.sql;
    this.cut = parts.cut;
    this.columns = columns;
    this.#signal = signal;
  }

  /** @throws SyncError QUERY_FAILED, or LAKE_TABLE_MISSING when a table has no such state */
  static async open(options: LakeQueryOptions): Promise<LakeQuery> {
    const session = await QuerySession.open(options.limits);
    try {
      const statement = await readStatement(session, options.sql);
      const names = namesIn(statement.tree);
      const all = showableTables(options.tables);
      const used = resolveNames(names, options.tables);
      const read = names.isDynamic ? all : used.ids;
      const { spans, cut } = await chooseStates(options, read);
      const isAllShown = names.isDynamic || used.hasUnknown || read.length === 0;
      // Tables that are shown and not read: for SHOW TABLES, and for what DuckDB says of a misspelt name.
      const others = isAllShown ? await newestStates(options, without(all, read)) : [];
      const shown = [...spans, ...others];
      await createViews(session, shown, options.tables);
      await session.shut(
        shown.flatMap((span) => span.files),
        searchPath(used.bare, names.isDynamic ? [] : shown),
      );
      const columns = await session.describe(statement.sql);
      return new LakeQuery({ session, statement, cut }, columns, options.signal);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Rows of texts; null is NULL. */
  async *cells(): AsyncGenerator<readonly (readonly (string | null)[])[], void, void> {
    const { statement, text } = this.#wrap(cellExpressions(this.columns));
    for await (const chunk of this.#session.stream(statement, text, this.#signal)) {
      yield chunk.convertRows((value) => (value === null ? null : String(value)));
    }
  }

  /** RFC 4180, header first. */
  async *csv(): AsyncGenerator<string, void, void> {
    yield `${csvHeader(this.columns)}${CSV_LINE_END}`;
    yield* this.#lines(csvLineExpression(this.columns), CSV_LINE_END);
  }

  /** One object a line. */
  json(): AsyncGenerator<string, void, void> {
    return this.#lines(jsonLineExpression(this.columns, this.#distinctNames), "\n");
  }

  /** An Arrow IPC stream. */
  async *arrow(): AsyncGenerator<Uint8Array, void, void> {
    // Loaded when it is asked for: it is large.
    const { arrowColumns, arrowStream } = await import("./arrow-stream.ts");
    const columns = arrowColumns(this.columns, this.#distinctNames);
    const { statement, text } = this.#wrap(columns.map(({ column }, i) => column.sql(columnName(i))));
    yield* arrowStream(columns, this.#session.stream(statement, text, this.#signal));
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async *#lines(expression: string, end: string): AsyncGenerator<string, void, void> {
    const { statement, text } = this.#wrap([expression]);
    for await (const chunk of this.#session.stream(statement, text, this.#signal)) {
      const vector = chunk.getColumnVector(0);
      let lines = "";
      for (let row = 0; row < chunk.rowCount; row++) {
        lines += `${String(vector.getItem(row))}${end}`;
        if (lines.length < PIECE_CHARACTERS) continue;
        yield lines;
        lines = "";
      }
      if (lines !== "") yield lines;
    }
  }

  #wrap(expressions: readonly string[]): ReturnType<typeof wrapQuery> {
    return wrapQuery(this.#sql, expressions, this.columns.length);
  }

  get #distinctNames(): readonly string[] {
    return distinctNames(this.columns.map(({ name }) => name));
  }
}

/** Text is handed on in pieces of about this size, however long the rows are. */
const PIECE_CHARACTERS = 1 << 20;

const folded = (id: TableId): string =>
  tableKey({ database: id.database.toLowerCase(), table: id.table.toLowerCase() });

function without(all: readonly TableId[], read: readonly TableId[]): readonly TableId[] {
  const names = new Set(read.map(folded));
  return all.filter((id) => !names.has(folded(id)));
}

/** A name without a database is looked up in these, in turn; where that could mean two tables it was refused. */
const searchPath = (bare: readonly TableId[], shown: readonly TableSpan[]): readonly string[] => [
  ...new Set([...bare, ...shown.map(({ id }) => id)].map((id) => id.database)),
];

async function createViews(
  session: QuerySession,
  spans: readonly TableSpan[],
  tables: readonly TableId[],
): Promise<void> {
  const names = new Set(tables.map(folded));
  for (const span of spans) {
    const { database, table } = span.id;
    const withMeta = !names.has(folded({ database, table: `${table}${META_SUFFIX}` }));
    await session.run(...viewStatements(span, { withMeta }));
  }
}

/** The newest state of each table, of those that can be read. */
async function newestStates(
  { lakeDir, asOf }: LakeQueryOptions,
  ids: readonly TableId[],
): Promise<readonly TableSpan[]> {
  const spans: TableSpan[] = [];
  for (const id of ids) {
    try {
      const first = await new TableHistory(lakeDir, id).spans({ asOf, quiet: null }).next();
      if (first.done !== true) spans.push(first.value);
    } catch (error) {
      if (!isSyncError(error)) throw error;
    }
  }
  return spans;
}

async function chooseStates(
  { lakeDir, asOf, quiet: askQuiet }: LakeQueryOptions,
  ids: readonly TableId[],
): Promise<{ readonly spans: readonly TableSpan[]; readonly cut: QueryCut }> {
  const quiet = ids.length > 1 ? await askQuiet() : new Map<string, KnownQuiet>();
  const begin = (id: TableId): AsyncGenerator<TableSpan, void, void> =>
    new TableHistory(lakeDir, id).spans({ asOf, quiet: quiet.get(tableKey(id)) ?? null });
  const newest: TableSpan[] = [];
  for (const id of ids) {
    const first = await begin(id).next();
    if (first.done === true) throw noState(id, asOf);
    newest.push(first.value);
  }
  const [any] = newest;
  if (any === undefined) return { spans: [], cut: { kind: "none" } };
  const isOneSource = newest.every(({ commit }) => isSameHistory(commit, any.commit));
  const common = isOneSource ? await findCommonCut(ids.map(begin)) : null;
  if (common === null) return { spans: newest, cut: { kind: "several", tables: newest.map(tableCut) } };
  const behindMs = common.spans.map(
    (span, i) => madeAtMs(must(newest[i], "the newest state of a table")) - madeAtMs(span),
  );
  return {
    spans: common.spans,
    cut: {
      kind: "one",
      at: must(
        common.spans.find((span) => span.from.equals(common.at)),
        "the table that begins there",
      ).madeBy.checkpoint.position,
      tables: common.spans.map(tableCut),
      behindMs: Math.max(0, ...behindMs),
    },
  };
}

const madeAtMs = (span: TableSpan): number => instantTimeMs(span.madeBy.instant);

const isSameHistory = (a: TableSpan["commit"], b: TableSpan["commit"]): boolean =>
  a.checkpoint.source === b.checkpoint.source && a.checkpoint.epoch === b.checkpoint.epoch;

const tableCut = ({ id, commit, madeBy }: TableSpan): TableCut => ({
  id,
  instant: commit.instant,
  position: madeBy.checkpoint.position,
});

const noState = (id: TableId, asOf: string | null): Error =>
  syncError(
    "LAKE_TABLE_MISSING",
    asOf === null
      ? `the newest state of ${formatTableId(id)} is not in the lake as a whole`
      : `the lake has no state of ${formatTableId(id)} at or before ${asOf}, or its files were cleaned away`,
    {
      hint:
        asOf === null
          ? "run `tallylake init`, or look at what was removed from the table's folder"
          : "name a later time, or raise `clean.retain`; `tallylake status` shows the newest commits",
    },
  );
