import type { CountClass, Hop } from "../types/hop-count.ts";
import { printable } from "../util/printable.ts";
import { formatCount } from "../util/units.ts";
import type { EquationName, EquationResult, Side, Term } from "./equation.ts";

/** What an equation says, for people who read it for the first time. */
const MEANING: Readonly<Record<EquationName, string>> = {
  "positions join": "each commit begins where the one before it ended",
  "source = capture": "capture has every change of the binlog once, duplicates taken away",
  "capture = produce": "every captured change is in Kafka",
  "capture = consume": "every captured change arrived behind the channel",
  "produce = consume": "every change in Kafka arrived",
  "consume = dedup": "every change that arrived is new or a duplicate",
  "dedup = apply": "every new change, and every row of the snapshot, has one outcome",
  "apply = commit": "every applied change is a row written or a delete",
  "commit = rows written": "every row written was inserted or updated",
  "rows join": "the table had as many rows as the commit before left",
  "rows add up": "rows before, plus inserted, minus deleted, are the rows after",
  "commit = lake": "every row written is in the committed files",
  "rows = lake": "the committed files hold as many rows as the commit says",
};

const CLASS_TEXT: Readonly<Partial<Record<CountClass, string>>> = {
  c: "creates",
  u: "updates",
  d: "deletes",
  r: "rows of the snapshot",
  rolled_back: "rolled back",
  rows_before: "rows before",
  rows_after: "rows after",
};

/** The meaning of the equation, then both sides with their numbers, then what differs. */
export function findingText(result: EquationResult): readonly string[] {
  const { left, right } = result;
  const lines = [MEANING[result.name]];
  if (left !== null && right !== null) {
    lines.push(`${sideText(left)}  ${left.rows === right.rows ? "=" : "≠"}  ${sideText(right)}`);
    lines.push(differenceText(result, left.rows - right.rows));
  }
  if (result.note !== null) lines.push(printable(result.note));
  return lines;
}

function differenceText({ differs }: EquationResult, missing: number): string {
  if (missing > 0) return `${formatCount(missing)} missing`;
  if (missing < 0) return `${formatCount(-missing)} too many`;
  switch (differs) {
    case "content":
      return "as many, the same changes, but not the same bytes";
    case "operations":
      return "as many, but not by operation";
    default:
      return "as many, but not the same changes";
  }
}

/** `capture 3 creates + 1 updates = 4`; a hop is named where it changes. */
function sideText({ terms, rows }: Side): string {
  if (terms.length === 0) return formatCount(rows);
  let hop: Hop | null = null;
  let text = "";
  for (const term of terms) {
    const sign = term.sign < 0 ? " − " : text === "" ? "" : " + ";
    text += `${sign}${term.hop === hop ? "" : `${term.hop} `}${termText(term)}`;
    hop = term.hop;
  }
  return terms.length === 1 ? text : `${text} = ${formatCount(rows)}`;
}

const termText = ({ class: countClass, rows }: Term): string =>
  `${formatCount(rows)} ${CLASS_TEXT[countClass] ?? countClass}`;
