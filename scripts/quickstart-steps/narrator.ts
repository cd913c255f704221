import { textWidth, wrapText } from "../../src/util/text-width.ts";

const WIDTH = 100;
const INDENT = "  ";
/** Before what goes on in a further line. */
const FURTHER = "    ";
const OUTPUT = `${INDENT}| `;

export interface NarratorOptions {
  readonly write: (text: string) => void;
  /** Milliseconds on a clock that is never set. */
  readonly nowMs: () => number;
  /** How many steps there will be. */
  readonly steps: number;
}

/** Prints what happens, step by step, for people: plain text of at most 100 columns, as it comes. */
export class Narrator {
  readonly #options: NarratorOptions;
  #startMs: number;
  #step = 0;
  #isOver = false;

  constructor(options: NarratorOptions) {
    this.#options = options;
    this.#startMs = options.nowMs();
  }

  get elapsedMs(): number {
    return this.#options.nowMs() - this.#startMs;
  }

  /** What came before, such as downloads, is not counted. */
  restartClock(): void {
    this.#startMs = this.#options.nowMs();
  }

  /** The last sentence: what the programs that are being ended still print is no news. */
  sayLast(text: string): void {
    this.say(text);
    this.#isOver = true;
  }

  step(title: string): void {
    this.#step++;
    const name = `[${this.#step}/${this.#options.steps}] ${title}`;
    const time = seconds(this.elapsedMs);
    this.#line("");
    this.#line(name.padEnd(WIDTH - time.length) + time);
  }

  /** A sentence of ours. */
  say(text: string): void {
    for (const line of wrapText(text, WIDTH - INDENT.length)) this.#line(INDENT + line);
  }

  /** Something to read as it stands, such as a file or a statement. */
  show(text: string): void {
    for (const line of text.split("\n")) this.#line(`${INDENT}  ${line}`);
  }

  /** A command as a person would type it. */
  command(words: readonly string[]): void {
    for (const line of commandLines(words, WIDTH - INDENT.length)) this.#line(INDENT + line);
  }

  /**
   * For what a command prints: the first `linesMax` lines, and every warning and error behind them. `end` says
   * how many lines were left out.
   */
  output(linesMax = Infinity): { readonly line: (text: string) => void; readonly end: () => void } {
    let shown = 0;
    let hidden = 0;
    return {
      line: (text) => {
        if (shown >= linesMax && !/ (WARN|ERROR) /.test(text)) {
          hidden++;
          return;
        }
        shown++;
        this.#output(text);
      },
      end: () => {
        if (hidden > 0) this.#output(`(and ${hidden} more lines)`);
        hidden = 0;
      },
    };
  }

  /** What is too long goes on in the next line, further in. */
  #output(line: string): void {
    const room = WIDTH - OUTPUT.length;
    if (textWidth(line) <= room) {
      this.#line((OUTPUT + line).trimEnd());
      return;
    }
    const indent = /^ */.exec(line)?.[0] ?? "";
    const [first = "", ...rest] = wrapText(line.trimStart(), room - indent.length - FURTHER.length);
    this.#line(OUTPUT + indent + first);
    for (const more of rest) this.#line(OUTPUT + indent + FURTHER + more);
  }

  #line(text: string): void {
    if (!this.#isOver) this.#options.write(`${text}\n`);
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * `$ program argument …`, quoted for a shell; broken before an argument where it is too long, and inside a long
 * one at its spaces, as SQL allows.
 */
export function commandLines(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  let line = "$";
  for (const word of words.map(shellWord)) {
    if (line !== "$" && textWidth(`${line} ${word} \\`) > width) {
      lines.push(`${line} \\`);
      const parts = wrapText(word, width - FURTHER.length).map((part) => FURTHER + part);
      lines.push(...parts.slice(0, -1));
      line = parts.at(-1) ?? "";
    } else {
      line += ` ${word}`;
    }
  }
  return [...lines, line];
}

const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
