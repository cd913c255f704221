/**
 * What the clauses of an ALTER TABLE do to rows, as far as that is certain from a short list of clauses. Whatever is not
 * on it counts as changing rows, and the table is read again; so a clause that is new in some version costs time and is
 * never wrong. Two things stand behind the list: rows that come later have another TABLE_MAP if their shape changed, and
 * a change of columns is held against the catalogue before anything is made of it.
 */
import type { ColumnChange } from "../types/column-change.ts";
import type { Tokens } from "./statement-tokens.ts";

export type AlterEffect =
  /** No row, and not the shape of a row; `indexes` are those that went or changed, of which one may be the key. */
  | { readonly kind: "none"; readonly indexes: readonly string[] }
  | { readonly kind: "columns"; readonly change: ColumnChange }
  /** Rows may have changed in ways that only the table itself can tell. */
  | { readonly kind: "rows" };

const ROWS: AlterEffect = { kind: "rows" };

/** Table options that say how rows are kept, and one value. */
const OPTIONS: ReadonlySet<string> = new Set([
  ...["AUTOEXTEND_SIZE", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHECKSUM", "COMMENT", "COMPRESSION"],
  ...["DELAY_KEY_WRITE", "ENCRYPTION", "ENGINE_ATTRIBUTE", "KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS"],
  ...["PACK_KEYS", "ROW_FORMAT", "SECONDARY_ENGINE_ATTRIBUTE", "STATS_AUTO_RECALC", "STATS_PERSISTENT"],
  ...["STATS_SAMPLE_PAGES", "ALGORITHM", "LOCK"],
]);

const TYPES: ReadonlySet<string> = new Set([
  ...["BIGINT", "BINARY", "BIT", "BLOB", "BOOL", "BOOLEAN", "CHAR", "CHARACTER", "DATE", "DATETIME", "DEC"],
  ...["DECIMAL", "DOUBLE", "ENUM", "FIXED", "FLOAT", "GEOMETRY", "INT", "INTEGER", "JSON", "LONGBLOB"],
  ...["LONGTEXT", "MEDIUMBLOB", "MEDIUMINT", "MEDIUMTEXT", "NUMERIC", "POINT", "REAL", "SET", "SMALLINT"],
  ...["TEXT", "TIME", "TINYBLOB", "TINYINT", "TINYTEXT", "VARBINARY", "VARCHAR", "VECTOR", "YEAR"],
]);

/** Reads the clauses behind the name of the table. */
export function alterEffect(tokens: Tokens): AlterEffect {
  const change = {
    added: [] as string[],
    dropped: [] as string[],
    renamed: [] as { from: string; to: string }[],
    indexes: [] as string[],
  };
  let isChanged = false;
  do {
    switch (clause(tokens, change)) {
      case "rows":
        return ROWS;
      case "columns":
        isChanged = true;
        break;
      case "none":
    }
  } while (tokens.accept(","));
  if (!tokens.atEnd) return ROWS;
  const { indexes, ...columns } = change;
  return isChanged ? { kind: "columns", change: columns } : { kind: "none", indexes };
}

interface Change {
  readonly added: string[];
  readonly dropped: string[];
  readonly renamed: { from: string; to: string }[];
  readonly indexes: string[];
}

function clause(tokens: Tokens, change: Change): AlterEffect["kind"] {
  if (tokens.accept("ADD")) return add(tokens, change);
  if (tokens.accept("DROP")) return drop(tokens, change);
  if (tokens.accept("RENAME")) return rename(tokens, change);
  if (tokens.accept("ALTER")) return alterPart(tokens, change);
  if (tokens.accept("FORCE")) return "none";
  if (tokens.acceptAll("ENABLE", "KEYS") || tokens.acceptAll("DISABLE", "KEYS")) return "none";
  if (tokens.acceptAll("WITHOUT", "VALIDATION") || tokens.acceptAll("WITH", "VALIDATION")) return "none";
  return options(tokens) ? "none" : "rows";
}

function add(tokens: Tokens, change: Change): AlterEffect["kind"] {
  if (tokens.accept("UNIQUE", "FULLTEXT", "SPATIAL")) {
    tokens.accept("INDEX", "KEY");
    return index(tokens);
  }
  if (tokens.accept("INDEX", "KEY")) return index(tokens);
  // A foreign key may change rows of this table by those of another.
  if (tokens.accept("CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK", "PARTITION", "PERIOD")) return "rows";
  tokens.accept("COLUMN");
  const name = tokens.name();
  if (name === null || !nullableColumn(tokens)) return "rows";
  change.added.push(name);
  return "columns";
}

/** Name, type, columns and options of an index. */
function index(tokens: Tokens): AlterEffect["kind"] {
  if (!tokens.acceptParentheses()) {
    tokens.name();
    if (tokens.accept("USING")) tokens.next();
    if (!tokens.acceptParentheses()) return "rows";
  }
  while (!tokens.atEnd && !tokens.isAt(",")) {
    if (tokens.accept("VISIBLE", "INVISIBLE")) continue;
    if (tokens.accept("USING") || tokens.acceptAll("WITH", "PARSER")) tokens.next();
    else if (tokens.accept("COMMENT")) tokens.acceptString();
    else if (tokens.accept("KEY_BLOCK_SIZE")) {
      tokens.accept("=");
      tokens.next();
    } else return "rows";
  }
  return "none";
}

/** The definition of a column that is NULL where no value is given. */
function nullableColumn(tokens: Tokens): boolean {
  const type = tokens.word();
  if (!TYPES.has(type)) return false;
  if (type === "DOUBLE") tokens.accept("PRECISION");
  if (type === "CHAR" || type === "CHARACTER") tokens.accept("VARYING");
  tokens.acceptParentheses();
  while (!tokens.atEnd && !tokens.isAt(",")) {
    if (tokens.accept("UNSIGNED", "SIGNED", "NULL", "VISIBLE", "INVISIBLE", "FIRST")) continue;
    if (tokens.acceptAll("DEFAULT", "NULL")) continue;
    if (tokens.accept("COMMENT")) tokens.acceptString();
    else if (tokens.acceptAll("CHARACTER", "SET") || tokens.accept("CHARSET", "COLLATE", "AFTER"))
      tokens.next();
    else return false;
  }
  return true;
}

function drop(tokens: Tokens, change: Change): AlterEffect["kind"] {
  if (tokens.accept("PRIMARY", "PARTITION", "PERIOD", "SYSTEM")) return "rows";
  if (tokens.accept("CHECK")) return tokens.name() === null ? "rows" : "none";
  // A constraint may be a unique index.
  if (tokens.accept("INDEX", "KEY", "CONSTRAINT")) {
    const name = tokens.name();
    if (name === null || name.toUpperCase() === "PRIMARY") return "rows";
    change.indexes.push(name);
    return "none";
  }
  if (tokens.acceptAll("FOREIGN", "KEY")) return tokens.name() === null ? "rows" : "none";
  tokens.accept("COLUMN");
  const name = tokens.name();
  if (name === null) return "rows";
  tokens.accept("RESTRICT", "CASCADE");
  change.dropped.push(name);
  return "columns";
}

function rename(tokens: Tokens, change: Change): AlterEffect["kind"] {
  const isColumn = tokens.accept("COLUMN");
  if (!isColumn && !tokens.accept("INDEX", "KEY")) return "rows";
  const from = tokens.name();
  if (!tokens.accept("TO")) return "rows";
  const to = tokens.name();
  if (from === null || to === null) return "rows";
  if (isColumn) change.renamed.push({ from, to });
  else change.indexes.push(from);
  return isColumn ? "columns" : "none";
}

/** Defaults are for rows that come later, and whether something shows is for who selects. */
function alterPart(tokens: Tokens, change: Change): AlterEffect["kind"] {
  const isIndex = tokens.accept("INDEX");
  const isNamed = isIndex || tokens.accept("CHECK", "CONSTRAINT");
  if (!isNamed) tokens.accept("COLUMN");
  const name = tokens.name();
  if (name === null) return "rows";
  if (isIndex) change.indexes.push(name);
  if (isNamed) {
    tokens.accept("NOT");
    return tokens.accept("VISIBLE", "INVISIBLE", "ENFORCED") ? "none" : "rows";
  }
  if (tokens.acceptAll("DROP", "DEFAULT")) return "none";
  if (!tokens.accept("SET")) return "rows";
  if (tokens.accept("VISIBLE", "INVISIBLE")) return "none";
  if (!tokens.accept("DEFAULT")) return "rows";
  while (!tokens.atEnd && !tokens.isAt(",")) if (!tokens.acceptParentheses()) tokens.next();
  return "none";
}

/** Table options, any number of them; false when something else stands there. */
function options(tokens: Tokens): boolean {
  let isAny = false;
  while (!tokens.atEnd && !tokens.isAt(",")) {
    if (tokens.accept("ENGINE")) {
      tokens.accept("=");
      if (tokens.name()?.toUpperCase() !== "INNODB") return false;
    } else if (tokens.accept("DEFAULT") || tokens.isAt("CHARACTER", "CHARSET", "COLLATE")) {
      if (!tokens.acceptAll("CHARACTER", "SET") && !tokens.accept("CHARSET", "COLLATE")) return false;
      tokens.accept("=");
      tokens.next();
    } else if (tokens.accept(...OPTIONS)) {
      tokens.accept("=");
      tokens.next();
    } else return false;
    isAny = true;
  }
  return isAny;
}
