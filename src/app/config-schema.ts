/**
 * The shape of `tallylake.yaml`, in one definition: it checks the file, turns units, patterns, paths and
 * references into values, and is published as JSON Schema for editors. Every check belongs to one key, so
 * that a mistake in one does not hide those in the others.
 */
import { z } from "zod";
import { KEYLESS_POLICIES } from "../types/key-choice.ts";
import { ZERO_DATE_POLICIES } from "../types/lake-type.ts";
import { channel } from "./channel-schema.ts";
import { tls } from "./config-tls.ts";
import {
  described,
  duration,
  folder,
  httpUrl,
  integer,
  plainText,
  referableText,
  secret,
  size,
  sourceUrl,
  tablePattern,
  type ValueContext,
} from "./config-value.ts";
import { SOURCE_URL_FORM } from "./source-url.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["text", "json"] as const;

const MIB = 1024 ** 2;
const HOUR_MS = 3_600_000;
const PASSWORD_EXAMPLES = ["${env:MYSQL_PASSWORD}", "${file:mysql.password}"];
const TABLES_EXAMPLES = [["shop.*"], ["shop.orders", "/crm_\\d+\\.customer/"]];

const patterns = () => z.array(tablePattern());

const tableSettings = () => ({
  buckets: integer({ min: 1, max: 10_000 })
    .optional()
    .meta(described("Buckets of a new table; without it one for each 128 MiB of source data.")),
  zeroDates: z
    .literal([null, ...ZERO_DATE_POLICIES])
    .optional()
    .meta(
      described(
        "What becomes of a date that no calendar has, such as 0000-00-00: null (the default; they are counted), text (the column becomes text) or stop.",
      ),
    ),
  decimalsAsText: z
    .array(plainText())
    .optional()
    .meta(
      described(
        "Columns DECIMAL of more than 38 digits, which are too many for a decimal of the lake: those named here become text, exactly; any other is refused.",
        ["amount"],
      ),
    ),
  withoutPrimaryKey: z
    .literal(KEYLESS_POLICIES)
    .optional()
    .meta(
      described(
        "What becomes of a table without a primary key: refuse (the default), or unique (its unique index of the fewest columns, none of which may be NULL, is its key).",
      ),
    ),
  schemaChanges: z
    .enum(SCHEMA_CHANGES)
    .optional()
    .meta(
      described(
        "What `follow` does when a statement changes a table: resnapshot (the default) reads the table again while the others go on, stop leaves it where it is until `tallylake resnapshot`.",
      ),
    ),
});

/** What `follow` does with a table whose definition changed. */
export const SCHEMA_CHANGES = ["resnapshot", "stop"] as const;

const source = (context: ValueContext) =>
  z
    .union([
      sourceUrl(context).transform((url) => ({ url })),
      z.strictObject({
        url: sourceUrl(context),
        password: secret(context)
          .optional()
          .meta(described("A reference to the password.", ...PASSWORD_EXAMPLES)),
        name: plainText()
          .optional()
          .meta(
            described("Name of the source in the ids of changes, never to be changed; host:port without it."),
          ),
        epoch: integer({ min: 1, max: 1_000_000 })
          .default(1)
          .meta(described("To be raised when the binlog's history broke, by a restore or a reset.")),
        tls: tls(context, "for loopback addresses"),
        serverId: integer({ min: 1, max: 2 ** 32 - 3 })
          .optional()
          .meta(
            described(
              "Replica number, unique among all replicas of the server; `report` uses the next one, and a snapshot that `follow` takes again the one behind that. Without it derived from host name and state folder.",
            ),
          ),
        connectTimeout: duration({ min: 100, max: 600_000 }, "between 100ms and 10m")
          .prefault("10s")
          .meta(described("Longest wait for a connection.", "10s")),
      }),
    ])
    .meta(described("The MySQL server: its URL, or a map with the URL and more.", SOURCE_URL_FORM));

const snapshot = () =>
  z
    .strictObject({
      parallel: integer({ min: 1, max: 64 }).default(4).meta(described("Chunks read at the same time.")),
      chunkRows: integer({ min: 1, max: 10_000_000 }).default(100_000).meta(described("Rows of a chunk.")),
    })
    .prefault({})
    .meta(described("How `init` reads the tables."));

const commit = () =>
  z
    .strictObject({
      every: duration({ min: 100, max: 24 * HOUR_MS }, "between 100ms and 24h")
        .prefault("30s")
        .meta(described("Longest time between two commits of a table with changes.", "30s", "5m")),
      rows: integer({ min: 1, max: 100_000_000 })
        .default(100_000)
        .meta(described("A commit comes early when this many changes wait; a transaction is never split.")),
      bytes: size({ min: MIB, max: 1024 ** 4 }, "between 1MiB and 1024GiB")
        .prefault("256MiB")
        .meta(described("A commit comes early when changes of this size wait.", "256MiB")),
      idleEvery: duration({ min: 1000, max: 24 * HOUR_MS }, "between 1s and 24h")
        .prefault("5m")
        .meta(
          described(
            "Time between the empty commits that move the checkpoint of a table without traffic.",
            "5m",
          ),
        ),
    })
    .prefault({})
    .meta(described("When `follow` commits."));

const clean = () =>
  z
    .strictObject({
      retain: duration({ min: 0, max: 3650 * 24 * HOUR_MS }, "at most 3650d")
        .prefault("1h")
        .meta(
          described(
            "How long replaced files stay: at least as long as a reader's longest query.",
            "1h",
            "7d",
          ),
        ),
      everyCommits: integer({ min: 1, max: 1_000_000 })
        .default(10)
        .meta(described("A table is cleaned after this many of its commits.")),
    })
    .prefault({})
    .meta(described("When replaced files are removed from the lake."));

const trace = (context: ValueContext) =>
  z
    .union([
      z.enum(["off"]).transform(() => ({ off: true as const })),
      z.strictObject({
        url: httpUrl(context)
          .optional()
          .meta(described("HTTP address of a ClickHouse server.", "http://localhost:8123")),
        user: referableText(context).optional().meta(described("User of that server; `default` without it.")),
        password: secret(context)
          .optional()
          .meta(described("A reference to its password.", "${env:CLICKHOUSE_PASSWORD}")),
        database: plainText()
          .optional()
          .meta(described("Its database for the counts; `tallylake` without it.")),
        path: folder(context)
          .optional()
          .meta(described("Folder of the ClickHouse inside this program, in place of a server.")),
      }),
    ])
    .optional()
    .meta(
      described(
        "Where the counts go: a ClickHouse server, a folder for the ClickHouse inside this program (the default, <stateDir>/trace), or off.",
      ),
    );

const memory = () =>
  z
    .strictObject({
      duckdb: size({ min: 64 * MIB, max: 1024 ** 4 }, "between 64MiB and 1024GiB")
        .prefault("600MiB")
        .meta(described("Limit of DuckDB, which spills to disk beyond it.", "600MiB")),
      queue: size({ min: MIB, max: 64 * 1024 * MIB }, "between 1MiB and 64GiB")
        .prefault("64MiB")
        .meta(described("Size of the changes between capture and lake.", "64MiB")),
    })
    .prefault({})
    .meta(described("Bounds of memory."));

const log = () =>
  z
    .strictObject({
      level: z.enum(LOG_LEVELS).default("info").meta(described("The least severe lines that are written.")),
      format: z.enum(LOG_FORMATS).default("text").meta(described("Lines for people, or JSON objects.")),
    })
    .prefault({})
    .meta(described("Log lines, which go to stderr."));

export const configSchema = (context: ValueContext) =>
  z
    .strictObject({
      source: source(context),
      tables: patterns()
        .min(1)
        .meta(
          described(
            "The tables to keep, as database.table with * and ?, or as a /regular expression/.",
            ...TABLES_EXAMPLES,
          ),
        ),
      exclude: patterns()
        .default([])
        .meta(described("Tables to leave out of those.", ["shop.tmp_*"])),
      lake: folder(context).meta(
        described("Folder of the Hudi tables, which lie at <lake>/<database>/<table>.", "./lake"),
      ),
      stateDir: folder(context)
        .optional()
        .meta(described("Folder of the tool's own state; `.tallylake` beside this file without it.")),
      channel: channel(context),
      defaults: z.strictObject(tableSettings()).prefault({}).meta(described("Settings of every table.")),
      overrides: z
        .array(
          z.strictObject({
            tables: patterns()
              .min(1)
              .meta(described("The tables of this rule.", ...TABLES_EXAMPLES)),
            ...tableSettings(),
            key: z
              .array(plainText())
              .min(1)
              .optional()
              .meta(
                described(
                  "Columns by which rows are told apart, in place of the primary key: those of a unique index, none of which may be NULL.",
                  ["code"],
                ),
              ),
          }),
        )
        .default([])
        .meta(described("Settings of some tables: the first rule that names a table holds.")),
      snapshot: snapshot(),
      commit: commit(),
      clean: clean(),
      trace: trace(context),
      memory: memory(),
      log: log(),
    })
    .meta({ title: "tallylake.yaml", description: "Configuration of tallylake." });

export type ParsedConfig = z.output<ReturnType<typeof configSchema>>;

let jsonSchema: unknown;

/** Of the file as it is written; nothing is read, since only the shape matters. */
export function configJsonSchema(): unknown {
  const reader = { env: () => undefined, readFile: () => "" };
  jsonSchema ??= z.toJSONSchema(configSchema({ baseDir: "/", reader }), {
    io: "input",
    // zod leaves the examples of a transformed value out, as they might be of its result. Ours are not.
    override: ({ zodSchema, jsonSchema: node }) => {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) node.examples = examples;
    },
  });
  return jsonSchema;
}
