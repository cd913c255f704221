import type { CaseSection } from "./case.ts";

/** Tables that become other tables while they are followed. */
export const SCHEMA_CHANGE_CASES: CaseSection = {
  title: "D: schema changes",
  isComplete: true,
  cases: [
    { id: "D132", title: "a new column with a default" },
    { id: "D133", title: "a new column that is not the last" },
    { id: "D134", title: "a column that goes and comes back with another type" },
    { id: "D135", title: "columns that trade their names" },
    { id: "D136", title: "a type that becomes wider" },
    { id: "D137", title: "a type that changes values" },
    { id: "D138", title: "another character set" },
    { id: "D139", title: "tables that trade their names" },
    { id: "D140", title: "gh-ost" },
    { id: "D141", title: "pt-online-schema-change" },
    { id: "D142", title: "a table that goes and comes back" },
    { id: "D143", title: "a table that goes while its events are read" },
    { id: "D144", title: "TRUNCATE" },
    { id: "D145", title: "partitions that are exchanged, emptied or dropped" },
    { id: "D146", title: "DDL while the table's snapshot is taken" },
    { id: "D147", title: "table numbers that stand for other tables behind a restart" },
    { id: "D148", title: "another default character set of a database" },
    { id: "D149", title: "generated and invisible columns that come and go" },
    { id: "D150", title: "a thousand ALTERs while rows are written" },
    { id: "D151", title: "MariaDB: DDL in two phases" },
    { id: "D152", title: "DDL that is about no table" },
    { id: "D153", title: "table names with and without case" },
    {
      id: "D154",
      title: "readers of the lake that know the old schema",
      refusal:
        "who must not see another schema sets `schemaChanges: stop`, and the table stops before the statement",
      code: "TABLE_DDL",
    },
  ],
};
