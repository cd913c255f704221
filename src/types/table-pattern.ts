import { formatTableId, type TableId } from "./table-id.ts";

/** Which tables are meant: a glob over `database.table`, or a regular expression between slashes. */
export interface TablePattern {
  /** As it was written. */
  readonly text: string;
  /** Both match the whole of `database.table`; the second one ignores case. */
  readonly exact: RegExp;
  readonly folded: RegExp;
}

const REGEX = /^\/(.*)\/(i?)$/s;

/**
 * `shop.orders`, `shop.*`, `crm_?.customer`: `*` is any text and `?` any one character, the first dot parts
 * database and table. `/shop_\d+\.orders/` is a regular expression, `/…/i` ignores case.
 * @throws RangeError that says what is wrong with the text.
 */
export function parseTablePattern(text: string): TablePattern {
  const regex = REGEX.exec(text);
  if (regex !== null) return compile(text, regex[1] ?? "", regex[2] ?? "");
  if (text.startsWith("/")) throw new RangeError("the regular expression has no closing slash");
  if (text.includes("\\")) {
    throw new RangeError(
      `a backslash has no meaning in a glob; as a regular expression it would be \`/${text}/\``,
    );
  }
  if (/[,\s]/.test(text)) throw new RangeError("it holds more than one name; give each its own line");
  const [database = "", ...rest] = text.split(".");
  const table = rest.join(".");
  if (database === "" || table === "") {
    throw new RangeError(
      `it must be \`database.table\`${database === "" ? "" : `, such as \`${database}.*\``}`,
    );
  }
  return compile(text, `${globSource(database)}\\.${globSource(table)}`, "");
}

/**
 * `ignoreCase` is for servers whose `lower_case_table_names` is not 0, where `Shop.Orders` and `shop.orders` are one
 * table. Without it the rule of the server is not known: such a server keeps names without capitals, so a name without
 * any is taken for one that may have had them.
 */
export function matchesTable(
  pattern: TablePattern,
  id: TableId,
  options?: { readonly ignoreCase: boolean },
): boolean {
  const name = formatTableId(id);
  const ignoreCase = options?.ignoreCase ?? name === name.toLowerCase();
  return (ignoreCase ? pattern.folded : pattern.exact).test(name);
}

/** The pattern that means this table and no other, however it is called. */
export function patternOfTable(id: TableId): string {
  const name = formatTableId(id);
  const plain = !/[*?,\\\s]/.test(name) && !name.startsWith("/") && !id.database.includes(".");
  return plain && id.database !== "" && id.table !== "" ? name : `/${escapeRegex(name)}/`;
}

function compile(text: string, source: string, flags: string): TablePattern {
  try {
    return {
      text,
      exact: new RegExp(`^(?:${source})$`, `su${flags}`),
      folded: new RegExp(`^(?:${source})$`, "sui"),
    };
  } catch (error) {
    throw new RangeError("it is not a valid regular expression", { cause: error });
  }
}

const globSource = (glob: string): string => escapeRegex(glob).replaceAll("\\*", ".*").replaceAll("\\?", ".");

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
