import type { TableId } from "../types/table-id.ts";
import type { ColumnChange } from "../types/column-change.ts";
import { alterEffect } from "./alter-effect.ts";
import { Tokens } from "./statement-tokens.ts";
import { xidOf } from "./prepared-xa.ts";

/**
 * What a QUERY event of the binlog means for us. The text is never executed and never trusted to describe a
 * schema: it only has to be put into one of a few classes, and what fits none is `unknown`, which stops the
 * stream. Names are given as written; the caller compares them by the server's rule.
 */
export type Statement =
  | {
      readonly kind: "begin" | "commit" | "rollback" | "rollbackTo" | "harmless" | "unknown";
    }
  | { readonly kind: "xaStart" | "xaCommit" | "xaRollback"; readonly xid: string }
  /** Rows changed without row events: the statement format. */
  | { readonly kind: "dml" }
  | {
      readonly kind: "ddl";
      readonly tables: readonly TableId[];
      /** When columns alone came, went or changed their names, and every row that was there has NULL in the new ones. */
      readonly columns?: ColumnChange;
    }
  /** Indexes go or change: that concerns a table only whose key one of them is. */
  | { readonly kind: "indexes"; readonly table: TableId; readonly indexes: readonly string[] }
  | { readonly kind: "dropDatabase"; readonly database: string };

const HARMLESS: Statement = { kind: "harmless" };
const UNKNOWN: Statement = { kind: "unknown" };

const HARMLESS_VERBS: ReadonlySet<string> = new Set([
  "ANALYZE",
  "CACHE",
  "CHECK",
  "FLUSH",
  "GRANT",
  "INSTALL",
  "OPTIMIZE",
  "RELEASE",
  "REPAIR",
  "RESET",
  "REVOKE",
  "SAVEPOINT",
  "UNINSTALL",
]);

const DML_VERBS: ReadonlySet<string> = new Set([
  "CALL",
  "DELETE",
  "INSERT",
  "LOAD",
  "REPLACE",
  "UPDATE",
  "WITH",
]);

/** Things that hold no rows of a base table. */
const HARMLESS_OBJECTS: ReadonlySet<string> = new Set([
  "AGGREGATE",
  "EVENT",
  "FUNCTION",
  "INSTANCE",
  "LIBRARY",
  "LOGFILE",
  "PACKAGE",
  "PROCEDURE",
  "RESOURCE",
  "ROLE",
  "SEQUENCE",
  "SERVER",
  "SPATIAL",
  "TABLESPACE",
  "TRIGGER",
  "UNDO",
  "USER",
  "VIEW",
]);

/**
 * `usesTemporary`: the server has marked it as one that uses temporary tables of its session. Of a change or a
 * TRUNCATE of one table that is this table, and a table of its name that we keep stays as it is.
 */
export function classifyStatement(text: string, database: string, usesTemporary = false): Statement {
  return classify(new Tokens(text, database), { text, usesTemporary });
}

function classify(
  tokens: Tokens,
  { text, usesTemporary }: { readonly text: string; readonly usesTemporary: boolean },
): Statement {
  const verb = tokens.word();
  switch (verb) {
    case "BEGIN":
      return { kind: "begin" };
    case "START":
      return tokens.accept("TRANSACTION") ? { kind: "begin" } : UNKNOWN;
    case "COMMIT":
      return { kind: "commit" };
    case "ROLLBACK":
      tokens.accept("WORK");
      return { kind: tokens.accept("TO") ? "rollbackTo" : "rollback" };
    case "XA":
      return xa(tokens, xidOf(text));
    case "CREATE":
      return create(tokens);
    case "ALTER":
      return usesTemporary ? HARMLESS : alter(tokens);
    case "DROP":
      return drop(tokens);
    case "RENAME":
      return tokens.accept("TABLE", "TABLES")
        ? ddl(renamed(tokens))
        : tokens.accept("USER")
          ? HARMLESS
          : UNKNOWN;
    case "SET":
      // MariaDB: settings for the one statement behind FOR, of which nothing is known yet.
      if (!tokens.accept("STATEMENT")) return HARMLESS;
      return tokens.skipPast("FOR") ? classify(tokens, { text, usesTemporary }) : UNKNOWN;
    case "TRUNCATE":
      if (usesTemporary) return HARMLESS;
      tokens.accept("TABLE");
      return ddl([tokens.table()]);
    default:
      return HARMLESS_VERBS.has(verb) ? HARMLESS : DML_VERBS.has(verb) ? { kind: "dml" } : UNKNOWN;
  }
}

function xa(tokens: Tokens, xid: string): Statement {
  if (tokens.accept("START", "BEGIN")) return { kind: "xaStart", xid };
  if (tokens.accept("COMMIT")) return { kind: "xaCommit", xid };
  if (tokens.accept("ROLLBACK")) return { kind: "xaRollback", xid };
  return tokens.accept("END") ? HARMLESS : UNKNOWN;
}

/** A name that could not be read makes the whole statement unknown. */
function ddl(tables: readonly (TableId | null)[]): Statement {
  const known = tables.filter((table) => table !== null);
  return known.length === 0 || known.length < tables.length ? UNKNOWN : { kind: "ddl", tables: known };
}

function create(tokens: Tokens): Statement {
  tokens.skipUntil("TABLE", "DATABASE", "SCHEMA", "INDEX", "TEMPORARY", ...HARMLESS_OBJECTS);
  if (tokens.accept("TEMPORARY", "DATABASE", "SCHEMA", "INDEX", ...HARMLESS_OBJECTS)) return HARMLESS;
  if (!tokens.accept("TABLE")) return UNKNOWN;
  const mayExist = tokens.acceptAll("IF", "NOT", "EXISTS");
  const table = tokens.table();
  // Programs say this whenever they start. A table that we keep is there, so it changes nothing.
  return mayExist && table !== null ? HARMLESS : ddl([table]);
}

function alter(tokens: Tokens): Statement {
  tokens.skipUntil("TABLE", "DATABASE", "SCHEMA", ...HARMLESS_OBJECTS);
  if (tokens.accept("DATABASE", "SCHEMA", ...HARMLESS_OBJECTS)) return HARMLESS;
  if (!tokens.accept("TABLE")) return UNKNOWN;
  tokens.acceptAll("IF", "EXISTS");
  const tables = [tokens.table()];
  const effect = alterEffect(tokens.fork());
  const [altered] = tables;
  if (effect.kind === "none" && altered !== null && altered !== undefined) {
    const { indexes } = effect;
    return indexes.length === 0 ? HARMLESS : { kind: "indexes", table: altered, indexes };
  }
  // A second table takes part in an exchange of partitions, becomes or was one, and in a change of name.
  while (!tokens.atEnd) {
    if (tokens.accept("WITH", "TO", "CONVERT")) {
      if (tokens.accept("TABLE")) tables.push(tokens.table());
    } else if (tokens.accept("RENAME")) {
      if (tokens.accept("COLUMN", "INDEX", "KEY")) continue;
      tokens.acceptAll("IF", "EXISTS");
      tokens.accept("TO", "AS", "=");
      tables.push(tokens.table());
    } else {
      tokens.next();
    }
  }
  const statement = ddl(tables);
  return effect.kind === "columns" && statement.kind === "ddl"
    ? { ...statement, columns: effect.change }
    : statement;
}

function drop(tokens: Tokens): Statement {
  if (tokens.accept("TEMPORARY", ...HARMLESS_OBJECTS)) return HARMLESS;
  if (tokens.accept("DATABASE", "SCHEMA")) {
    tokens.acceptAll("IF", "EXISTS");
    const database = tokens.name();
    return database === null ? UNKNOWN : { kind: "dropDatabase", database };
  }
  if (tokens.accept("INDEX")) {
    const index = tokens.name();
    const table = tokens.accept("ON") ? tokens.table() : null;
    return index === null || table === null ? UNKNOWN : { kind: "indexes", table, indexes: [index] };
  }
  if (!tokens.accept("TABLE", "TABLES")) return UNKNOWN;
  tokens.acceptAll("IF", "EXISTS");
  const tables = [tokens.table()];
  while (tokens.accept(",")) tables.push(tokens.table());
  return ddl(tables);
}

function renamed(tokens: Tokens): (TableId | null)[] {
  const tables: (TableId | null)[] = [];
  tokens.acceptAll("IF", "EXISTS");
  do {
    tables.push(tokens.table());
    if (tokens.accept("WAIT")) tokens.next();
    tokens.accept("NOWAIT");
    if (!tokens.accept("TO")) return [null];
    tables.push(tokens.table());
  } while (tokens.accept(","));
  return tables;
}
