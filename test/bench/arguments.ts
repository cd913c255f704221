import { parseArgs } from "node:util";
import type { BenchSize } from "./data.ts";

export const BENCHES = ["decode", "snapshot", "stream-1M", "stream-100k", "kafka", "kafka-latency"] as const;
export type BenchName = (typeof BENCHES)[number];

export const USAGE = `usage: npm run -s bench -- [decode | snapshot | stream | stream-1M | stream-100k | kafka | kafka-latency ...] [options]

Speed of the stages and of the whole path, on data that other tools were measured on. Without a name all of them run.
Each bench is a process of its own, with a MySQL of its own on this machine, and takes half a minute to prepare.

  --rows <n>     rows of the table (default: 2000000)
  --changes <n>  changes to it (default: 1000000)
  --json         figures as lines of JSON
  --save         makes these figures the baseline, which later runs are compared with
  --help

Machines differ, and the same one from hour to hour: compare ratios of figures from one run.

Exit codes: 0 done · 1 a bench failed · 64 usage
`;

export interface BenchArguments extends BenchSize {
  readonly benches: readonly BenchName[];
  readonly json: boolean;
  readonly save: boolean;
  /** Of a process that the bench itself has started: what it does. */
  readonly child: BenchName | null;
  readonly base: string | null;
  readonly place: string;
}

/**
 * What was asked for; null when that is the help.
 *
 * @throws TypeError that says what is wrong with the arguments.
 */
export function parseBenchArguments(argv: readonly string[]): BenchArguments | null {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rows: { type: "string", default: "2000000" },
      changes: { type: "string", default: "1000000" },
      json: { type: "boolean", default: false },
      save: { type: "boolean", default: false },
      child: { type: "string" },
      base: { type: "string" },
      place: { type: "string", default: "" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const asked = positionals.flatMap(named);
  return {
    benches: positionals.length === 0 ? BENCHES : BENCHES.filter((name) => asked.includes(name)),
    rows: count("rows", values.rows),
    changes: count("changes", values.changes),
    json: values.json,
    save: values.save,
    child: values.child === undefined ? null : (named(values.child)[0] ?? null),
    base: values.base ?? null,
    place: values.place,
  };
}

function named(word: string): readonly BenchName[] {
  const found = BENCHES.filter((name) => name === word || name.startsWith(`${word}-`));
  if (found.length === 0) throw new TypeError(`there is no bench ${word}; there are ${BENCHES.join(", ")}`);
  return found;
}

function count(option: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text))
    throw new TypeError(`--${option} must be a whole number above 0, not ${text}`);
  return Number(text);
}
