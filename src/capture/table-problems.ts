import type { ErrorCode } from "../types/errors.ts";
import type { KeyChoice } from "../types/key-choice.ts";
import { isWideDecimal, LAKE_DECIMAL_DIGITS } from "../types/lake-type.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId, quoteMysqlTable, type TableId } from "../types/table-id.ts";
import type { Account } from "./account.ts";
import type { BinlogStatus } from "./binlog-status.ts";
import type { ServerVariables } from "./server-settings.ts";
import type { TableFacts } from "./table-facts.ts";
import { keyProblems } from "./table-key.ts";

/** How MariaDB marks a column that it stores as it did before version 10.0. */
const OLD_TEMPORAL = /\/\* mariadb-5\.3 \*\/$/;

const LEAVE_OUT = "leave the table out with `exclude`";

/** What the config allows for a table that is not done unasked. */
export interface TableChoices extends KeyChoice {
  /** Columns that become text when they have too many digits for a decimal of the lake. */
  readonly decimalsAsText: readonly string[];
}

export type ChoicesOf = (id: TableId) => TableChoices;

/** Everything about a table that keeps it from being kept exactly. */
export function tableProblems(
  facts: TableFacts,
  variables: ServerVariables,
  choices: TableChoices,
): readonly Problem[] {
  const { id } = facts;
  if (facts.kind === "view") {
    const message = `${formatTableId(id)} is a view: the binlog has no rows of it`;
    return [
      problem(id, "TABLE_ABSENT", message, "name the tables that the view reads, and leave the view out"),
    ];
  }
  if (facts.kind === "sequence") {
    const message = `${formatTableId(id)} is a sequence, and no table of rows`;
    return [
      problem(
        id,
        "TABLE_ABSENT",
        message,
        "leave it out: the numbers it gave are in the tables that used them",
      ),
    ];
  }
  return [
    ...historyProblems(facts),
    ...engineProblems(facts),
    ...keyProblems(facts, choices),
    ...columnProblems(facts),
    ...decimalProblems(facts, choices),
    ...cascadeProblems(facts, variables),
  ];
}

export function absentTable(id: TableId, account: Account): Problem {
  const name = quoteMysqlTable(id);
  return problem(
    id,
    "TABLE_ABSENT",
    `${formatTableId(id)} does not exist, or this user has no grant on it`,
    `check the name; if it is right: GRANT SELECT ON ${name} TO ${account.quoted};`,
  );
}

/** Tables whose changes the server's own filters keep out of the binlog; in row format the database decides. */
export function filterProblems(ids: readonly TableId[], status: BinlogStatus): readonly Problem[] {
  return ids.flatMap((id) => {
    const filter = status.ignoreDatabases.includes(id.database)
      ? "binlog-ignore-db"
      : status.doDatabases.length > 0 && !status.doDatabases.includes(id.database)
        ? "binlog-do-db"
        : null;
    if (filter === null) return [];
    const message = `${filter} keeps the database ${id.database} out of the binlog`;
    return [
      problem(
        id,
        "SOURCE_SETTING",
        message,
        `remove ${filter} from the server's configuration and restart it`,
      ),
    ];
  });
}

/** An update of such a table writes a second row of the same key, and a delete is an update. */
function historyProblems({ id, kind }: TableFacts): readonly Problem[] {
  if (kind !== "versioned") return [];
  const message = `${formatTableId(id)} is system-versioned: its changes come with rows of its history, which are not told from its own`;
  const hint = `ALTER TABLE ${quoteMysqlTable(id)} DROP SYSTEM VERSIONING; -- which drops its history; or ${LEAVE_OUT}`;
  return [problem(id, "TABLE_TYPE_UNSUPPORTED", message, hint)];
}

function engineProblems({ id, engine }: TableFacts): readonly Problem[] {
  if (engine === "InnoDB") return [];
  const message = `${formatTableId(id)} is stored by ${engine ?? "no engine"}: its snapshot cannot be exact, because only InnoDB gives a read view`;
  return [
    problem(id, "TABLE_ENGINE_UNSUPPORTED", message, `ALTER TABLE ${quoteMysqlTable(id)} ENGINE = InnoDB;`),
  ];
}

function columnProblems({ id, columns }: TableFacts): readonly Problem[] {
  return columns.flatMap((column) => {
    const name = `${formatTableId(id)}.${column.name}`;
    const problems: Problem[] = [];
    if (column.refusal !== null) {
      const isCharset = column.refusal.code === "TABLE_CHARSET_UNSUPPORTED";
      problems.push(
        isCharset
          ? problem(
              id,
              column.refusal.code,
              `${name} is in the character set ${column.refusal.what}, which is not supported`,
              `ALTER TABLE ${quoteMysqlTable(id)} CONVERT TO CHARACTER SET utf8mb4; or ${LEAVE_OUT}`,
            )
          : problem(
              id,
              column.refusal.code,
              `${name} is ${column.refusal.what}, which is not supported`,
              OLD_TEMPORAL.test(column.refusal.what)
                ? `SET GLOBAL mysql56_temporal_format = ON; ALTER TABLE ${quoteMysqlTable(id)} FORCE; or ${LEAVE_OUT}`
                : `change the column's type, or ${LEAVE_OUT}`,
            ),
      );
    }
    return problems;
  });
}

function decimalProblems({ id, columns }: TableFacts, { decimalsAsText }: TableChoices): readonly Problem[] {
  // MySQL does not tell upper from lower case in the names of columns.
  const allowed = new Set(decimalsAsText.map((name) => name.toLowerCase()));
  return columns.flatMap(({ name, mysqlType, type }) => {
    if (type === null || !isWideDecimal(type) || allowed.has(name.toLowerCase())) return [];
    const message = `${formatTableId(id)}.${name} is ${mysqlType}, and the decimals of the lake have ${LAKE_DECIMAL_DIGITS} digits`;
    const remedy = `to keep it as text: \`decimalsAsText: [${name}]\` in \`overrides\` for this table; or ${LEAVE_OUT}`;
    return [problem(id, "TABLE_TYPE_UNSUPPORTED", message, remedy)];
  });
}

/**
 * The engine's own cascades change rows without row events; only since 9.6 the server does them itself,
 * where they are logged, unless `innodb_native_foreign_keys` is on.
 */
function cascadeProblems({ id, cascades }: TableFacts, variables: ServerVariables): readonly Problem[] {
  if (variables.get("innodb_native_foreign_keys") === "OFF") return [];
  return cascades.map(({ constraint, parent, actions }) =>
    problem(
      id,
      "TABLE_FOREIGN_KEY_CASCADE",
      `changes of ${formatTableId(parent)} change rows of ${formatTableId(id)} by the foreign key ${constraint} (${actions.join(", ")}), and the binlog does not show them`,
      variables.has("innodb_native_foreign_keys")
        ? "SET PERSIST_ONLY innodb_native_foreign_keys = OFF; -- and restart the server"
        : `make the key RESTRICT and change the child rows by statements, move to MySQL 9.6 or later, or ${LEAVE_OUT}`,
    ),
  );
}

function problem(table: TableId, code: ErrorCode, message: string, hint: string): Problem {
  return { code, table, message, hint, severity: "error" };
}
