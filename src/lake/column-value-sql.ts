/**
 * How a cell of a column, in the form that `types/column-values.ts` describes, gets to its lake type; what
 * `value-sql.ts` is for canonical text.
 */
import { isWideDecimal, type ZeroDatePolicy } from "../types/lake-type.ts";
import { columnForm, NO_DAY, NO_MOMENT } from "../types/column-values.ts";
import type { Column, ColumnType } from "../types/table-schema.ts";
import type { FileColumn } from "./column-file.ts";
import { valueSql } from "./value-sql.ts";

export interface CellSql {
  /** The value in its lake type. */
  readonly value: (cell: string) => string;
  /** The canonical text. */
  readonly text: (cell: string) => string;
  /**
   * For a cell that may have no value in its lake type: the condition under which it becomes NULL. Without it the
   * statement fails that looks at the cell. Null where every cell has a value.
   */
  readonly isNoValue: ((cell: string) => string) | null;
}

/** A column of a file of columns. */
export function fileColumn(name: string, type: ColumnType): FileColumn {
  const form = columnForm(type);
  return type.kind === "decimal" && form === "int64"
    ? { name, form, decimal: { precision: type.precision, scale: type.scale } }
    : { name, form };
}

const castText = (cell: string): string => `CAST(${cell} AS VARCHAR)`;

export function cellSql(column: Column, zeroDates: ZeroDatePolicy): CellSql {
  const { type } = column;
  switch (type.kind) {
    case "bytes":
      return { value: (cell) => cell, text: (cell) => `to_base64(${cell})`, isNoValue: null };
    case "decimal":
      if (columnForm(type) === "text") break;
      return {
        value: (cell) => `CAST(${cell} AS DECIMAL(38,${type.scale}))`,
        text: castText,
        isNoValue: null,
      };
    case "date":
      return dated({ isNoDate: isNoDay, text: dayText, value: dayOf }, zeroDates);
    case "datetime":
    case "timestamp":
      return dated(
        {
          isNoDate: isNoMoment,
          text: (cell) => momentText(cell, type.fsp),
          value: (cell) => `make_timestamptz(${cell})`,
        },
        zeroDates,
      );
    default:
      break;
  }
  const isNoValue = type.kind === "decimal" && !isWideDecimal(type) ? () => "false" : null;
  return { value: valueSql(column, zeroDates).value, text: castText, isNoValue };
}

interface DatedSql extends Pick<CellSql, "value" | "text"> {
  readonly isNoDate: (cell: string) => string;
}

/** Of a value that is a date, under a policy for those that no calendar has. */
function dated({ isNoDate, text, value }: DatedSql, zeroDates: ZeroDatePolicy): CellSql {
  if (zeroDates === "text") return { value: text, text, isNoValue: null };
  return {
    value: (cell) => `CASE WHEN ${isNoDate(cell)} THEN NULL ELSE ${value(cell)} END`,
    text,
    isNoValue: isNoDate,
  };
}

/** Half of the way down to NO_DAY and NO_MOMENT, below any date that there is. */
const isNoDay = (cell: string): string => `${cell} < ${NO_DAY / 2}`;
const isNoMoment = (cell: string): string => `${cell} < ${NO_MOMENT / 2n}`;

const dayOf = (cell: string): string => `(DATE '1970-01-01' + ${cell})`;

const dayText = (cell: string): string =>
  `CASE WHEN ${isNoDay(cell)} THEN ${partsText(`CAST(${cell} AS BIGINT) - (${NO_DAY})`)} ` +
  `ELSE strftime(${dayOf(cell)}, '%Y-%m-%d') END`;

/** `YYYY-MM-DD` of year * 512 + month * 32 + day. */
const partsText = (parts: string): string =>
  `format('{:04d}-{:02d}-{:02d}', (${parts}) // 512, ((${parts}) // 32) % 16, (${parts}) % 32)`;

function momentText(cell: string, fsp: number): string {
  // The difference does not fit 64 bits where it is not needed, and is computed all the same.
  const parts = `(CAST(${cell} AS HUGEINT) - (${NO_MOMENT}))`;
  const clock = `CAST((${parts} // 1048576) % 131072 AS BIGINT)`;
  const time = `format('{:02d}:{:02d}:{:02d}.{:06d}', ${clock} // 4096, (${clock} // 64) % 64, ${clock} % 64, CAST(${parts} % 1048576 AS BIGINT))`;
  const noMoment = `${partsText(`CAST(${parts} // 137438953472 AS BIGINT)`)} || ' ' || ${time}`;
  const length = fsp === 0 ? 19 : 20 + fsp;
  return `left(CASE WHEN ${isNoMoment(cell)} THEN ${noMoment} ELSE strftime(make_timestamp(${cell}), '%Y-%m-%d %H:%M:%S.%f') END, ${length})`;
}
