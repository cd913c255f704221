import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";
import type { TableProblem } from "./standing-tables.ts";

/** How often a table that is left out is told about again. */
const REMIND_MS = 60_000;

/** Tells which tables are left out, with the remedies: at once, again and again, and at the end. */
export function remindOf(left: readonly TableProblem[], log: Log): { readonly end: () => void } {
  const remind = (): void => {
    for (const { table, code, message, hint } of left) {
      log.error(message, { table: formatTableId(table), code, remedy: hint });
    }
  };
  remind();
  const timer = setInterval(remind, REMIND_MS);
  return {
    end: () => {
      clearInterval(timer);
      remind();
    },
  };
}
