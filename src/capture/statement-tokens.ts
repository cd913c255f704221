import type { TableId } from "../types/table-id.ts";

interface Token {
  readonly text: string;
  readonly kind: "word" | "name" | "string" | "sign";
}

/** Steps through a statement. */
export class Tokens {
  readonly #tokens: readonly Token[];
  readonly #database: string;
  #at = 0;

  constructor(text: string | readonly Token[], database: string) {
    this.#tokens = typeof text === "string" ? tokenize(text) : text;
    this.#database = database;
  }

  /** The same place once more, to step on from without moving this one. */
  fork(): Tokens {
    return new Tokens(this.#tokens.slice(this.#at), this.#database);
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  /** The next token as an upper-case word, or "". */
  word(): string {
    const token = this.next();
    return token?.kind === "word" ? token.text.toUpperCase() : "";
  }

  /** Whether one of these words or signs is next. */
  isAt(...words: readonly string[]): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined || (token.kind !== "word" && token.kind !== "sign")) return false;
    return words.includes(token.text.toUpperCase());
  }

  /** Steps over the next token when it is one of these words or signs. */
  accept(...words: readonly string[]): boolean {
    const isThere = this.isAt(...words);
    if (isThere) this.#at++;
    return isThere;
  }

  /** Steps over what lies in parentheses, when they begin here. */
  acceptParentheses(): boolean {
    if (!this.accept("(")) return false;
    for (let depth = 1; depth > 0 && !this.atEnd;) {
      if (this.accept("(")) depth++;
      else if (this.accept(")")) depth--;
      else this.#at++;
    }
    return true;
  }

  /** Steps over a text in quotes. */
  acceptString(): boolean {
    const token = this.#tokens[this.#at];
    // Double quotes are those of a text, unless ANSI_QUOTES make them those of a name.
    const isString = token?.kind === "string" || token?.kind === "name";
    if (isString) this.#at++;
    return isString;
  }

  /** Steps over these words when all of them follow. */
  acceptAll(...words: readonly string[]): boolean {
    const start = this.#at;
    const isThere = words.every((word) => this.accept(word));
    if (!isThere) this.#at = start;
    return isThere;
  }

  skipUntil(...words: readonly string[]): void {
    while (!this.atEnd && !this.accept(...words)) this.#at++;
    this.#at = Math.max(1, this.#at - 1);
  }

  /** Steps behind the next of these words; whether there is one. */
  skipPast(word: string): boolean {
    while (!this.atEnd) {
      if (this.accept(word)) return true;
      this.#at++;
    }
    return false;
  }

  name(): string | null {
    const token = this.next();
    return token !== undefined && (token.kind === "word" || token.kind === "name") ? token.text : null;
  }

  table(): TableId | null {
    const first = this.name();
    if (first === null) return null;
    if (!this.accept(".")) return { database: this.#database, table: first };
    const second = this.name();
    return second === null ? null : { database: first, table: second };
  }
}

const TOKEN =
  /\s+|--[\s][^\n]*|#[^\n]*|\/\*M?!\d*|\*\/|\/\*[\s\S]*?\*\/|`((?:[^`]|``)*)`|"((?:[^"\\]|\\[\s\S]|"")*)"|'(?:[^'\\]|\\[\s\S]|'')*'|([\p{L}\p{N}_$\u0080-\uffff]+)|([\s\S])/gu;

/**
 * Words, quoted names, strings and signs; comments are left out, but for the content of version comments,
 * which the server executes. Text in double quotes counts as a name, as it is under ANSI_QUOTES.
 */
function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, backQuoted, doubleQuoted, word, sign] = match;
    if (backQuoted !== undefined) tokens.push({ kind: "name", text: backQuoted.replaceAll("``", "`") });
    else if (doubleQuoted !== undefined)
      tokens.push({ kind: "name", text: doubleQuoted.replaceAll('""', '"') });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (whole.startsWith("'")) tokens.push({ kind: "string", text: whole });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
}
