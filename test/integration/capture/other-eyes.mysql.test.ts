import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect } from "vitest";
import { formatTableId, tableKey } from "../../../src/types/table-id.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";
import { must } from "../../../src/util/assert.ts";
import { BOUNDARY_COLUMNS } from "../../support/boundary-table.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { mysqlbinlogChanges } from "../../support/mysqlbinlog-eye.ts";
import { RANDOM_TABLE, randomRow } from "../../support/random-row.ts";
import { capturedChanges, type SeenChange } from "../../support/seen-change.ts";
import { SourceFeed } from "../../support/source-feed.ts";
import { tempDir } from "../../support/temp-dir.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";
import { zongjiChanges } from "../../support/zongji-eye.ts";

/*
 * Rows as three decoders see them that know nothing of each other: ours, MySQL's own mysqlbinlog, and zongji, of which
 * capture uses the connection alone. They agree on every cell but for what is listed here, and all of that is there.
 */

interface Difference {
  readonly who: Who;
  /** Of the columns that it happens to. */
  readonly type: string;
  readonly why: string;
  readonly isIt: (ours: string, theirs: string) => boolean;
}

const EYES = ["mysqlbinlog", "zongji"] as const;
type Who = (typeof EYES)[number];

const digits = (text: string | number): string => Number(text).toPrecision(6);
const floats = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
/** Numbers of the members of c_set_64. */
const membersOf = (cell: string): readonly number[] =>
  cell.split(",").map((member) => Number(member.slice(1)));
const swapped = (bits: readonly number[]): readonly number[] =>
  bits.map((bit) => 8 * (7 - (bit >> 3)) + (bit & 7)).sort((a, b) => a - b);
/** A document without what JavaScript makes of numbers and of the order of keys. */
const plainJson = (text: string): unknown =>
  JSON.parse(text, (key, value: unknown) => (key === "__proto__" ? undefined : value === 0 ? 0 : value));

const DIFFERENCES: readonly Difference[] = [
  {
    ...{ who: "mysqlbinlog", type: "FLOAT", why: "it prints six digits" },
    isIt: (ours, theirs) => digits(Math.fround(Number(ours))) === digits(theirs),
  },
  {
    ...{ who: "mysqlbinlog", type: "VECTOR", why: "it prints six digits" },
    isIt: (ours, theirs) => {
      const others = floats(theirs);
      return floats(ours).every((one, at) => Math.abs(one - (others[at] ?? NaN)) <= Math.abs(one) * 1e-5);
    },
  },
  {
    ...{ who: "mysqlbinlog", type: "YEAR", why: "the year 0 is 1900" },
    isIt: (ours, theirs) => ours === "0" && theirs === "1900",
  },
  {
    ...{
      who: "mysqlbinlog",
      type: "BINARY",
      why: "the zeros at the end are not in the binlog, and it adds none",
    },
    isIt: (ours, theirs) => {
      const bytes = Buffer.from(ours, "base64");
      const stored = Buffer.from(theirs, "base64");
      return (
        bytes.subarray(0, stored.length).equals(stored) &&
        bytes.subarray(stored.length).every((byte) => byte === 0)
      );
    },
  },
  {
    ...{
      who: "mysqlbinlog",
      type: "SET",
      why: "of more than eight members it prints the bytes from the last to the first",
    },
    isIt: (ours, theirs) => swapped(membersOf(ours)).join(",") === membersOf(theirs).join(","),
  },
  {
    ...{ who: "mysqlbinlog", type: "JSON", why: "a document that is nothing but a text has no quotes" },
    isIt: (ours, theirs) =>
      ours.startsWith('"') && (ours.slice(1, -1) === theirs || JSON.parse(ours) === theirs),
  },
  {
    ...{ who: "zongji", type: "FLOAT", why: "it prints the digits of a DOUBLE" },
    isIt: (ours, theirs) => Math.fround(Number(ours)) === Number(theirs),
  },
  {
    ...{ who: "zongji", type: "YEAR", why: "the year 0 is 1900" },
    isIt: (ours, theirs) => ours === "0" && theirs === "1900",
  },
  {
    ...{ who: "zongji", type: "TIME", why: "a negative time without seconds and fraction has 64 of them" },
    isIt: (ours, theirs) => /^-.*:00(\.0+)?$/.test(ours) && /:64(\.0+)?$/.test(theirs),
  },
  {
    ...{ who: "zongji", type: "ENUM", why: "the value that stands for invalid ones, '', is undefined" },
    isIt: (ours, theirs) => ours === "" && theirs === "undefined",
  },
  {
    ...{
      who: "zongji",
      type: "VARCHAR",
      why: "five bytes of latin1, to which Windows has given no character, are unknown",
    },
    isIt: (ours, theirs) => ours.replaceAll(/[\u0081\u008d\u008f\u0090\u009d]/g, "\ufffd") === theirs,
  },
  {
    ...{ who: "zongji", type: "GEOMETRY", why: "there is no SRID, and a MULTIPOINT is a LINESTRING" },
    isIt: (ours, theirs) => typeof JSON.parse(theirs) === "object" && Buffer.from(ours, "base64").length > 4,
  },
  {
    ...{
      who: "zongji",
      type: "JSON",
      why: "numbers are spelled and keys are ordered by JavaScript, a key __proto__ is lost",
    },
    isIt: (ours, theirs) => isDeepStrictEqual(plainJson(ours), plainJson(theirs)),
  },
  {
    ...{ who: "zongji", type: "JSON", why: "a decimal is a text" },
    isIt: (ours, theirs) => `"${ours}"` === theirs,
  },
];

/** Types of which nothing is said, or other rows than there are. */
const UNREAD: readonly Omit<Difference, "isIt">[] = [
  { who: "mysqlbinlog", type: "GEOMETRY", why: "it says that it cannot, and leaves the rest of the event" },
  {
    who: "zongji",
    type: "VECTOR",
    why: "it reports an error, reads on at the value, and makes rows of what stands there",
  },
];

const RANDOM_ROWS = 200;
const SHOWN_MAX = 20;

/** A table of its own for each column, so that one that somebody cannot read hides no other. */
async function createTables(database: TestDatabase): Promise<readonly string[]> {
  await database.run("SET sql_mode = '', time_zone = '+00:00'");
  for (const { name, definition } of BOUNDARY_COLUMNS)
    await database.run(`CREATE TABLE ${name} (id INT PRIMARY KEY, v ${definition} DEFAULT NULL)`);
  await database.run(RANDOM_TABLE);
  const rows = fc.sample(randomRow, { numRuns: RANDOM_ROWS, seed: 20_261_202 });
  await database.run(
    `INSERT INTO random VALUES ${rows.map((row, i) => `(${i + 1}, ${row.join(", ")})`).join(",")}`,
  );
  const columns = (await database.rows("SHOW COLUMNS FROM random")).slice(1).map(([name]) => String(name));
  for (const name of columns)
    await database.run(
      `CREATE TABLE r_${name} (PRIMARY KEY (id)) SELECT id, ${name} AS v FROM random LIMIT 0`,
    );
  await database.run("CREATE TABLE the_end (id INT PRIMARY KEY, v INT)");
  return [...BOUNDARY_COLUMNS.map(({ name }) => name), ...columns.map((name) => `r_${name}`)];
}

async function change(database: TestDatabase, tables: readonly string[]): Promise<void> {
  for (const { name, values } of BOUNDARY_COLUMNS)
    await database.run(
      `INSERT INTO ${name} VALUES (0, NULL), ${values.map((value, i) => `(${i + 1}, ${value})`).join(", ")}`,
    );
  for (const name of tables) {
    if (name.startsWith("r_"))
      await database.run(`INSERT INTO ${name} SELECT id, ${name.slice(2)} FROM random`);
    await database.run(`BEGIN; UPDATE ${name} SET id = -id WHERE id % 3 = 0; UPDATE ${name} SET v = NULL WHERE id % 4 = 1;
      UPDATE ${name} a JOIN ${name} b ON b.id = a.id + 1 SET a.v = b.v; DELETE FROM ${name} WHERE id % 5 = 0; COMMIT`);
  }
  await database.run("INSERT INTO the_end VALUES (1, 1)");
}

const label = (type: ColumnType): string => ("form" in type ? type.form : type.kind).toUpperCase();

/** Of a definition, since the catalogue has a question mark for each character of four bytes. */
function membersIn(definition: string): readonly string[] {
  return Array.from(definition.matchAll(/'((?:[^']|'')*)'/g), ([, member = ""]) =>
    member.replaceAll("''", "'"),
  );
}

function withMembers(table: string, type: ColumnType): ColumnType {
  if (type.kind !== "enum" && type.kind !== "set") return type;
  const column = BOUNDARY_COLUMNS.find(({ name }) => name === table);
  return column === undefined ? type : { ...type, members: membersIn(column.definition) };
}

interface Outcome {
  readonly unexplained: readonly string[];
  /** Entries of the two lists that have happened. */
  readonly met: ReadonlySet<object>;
  readonly cells: number;
}

interface Seen {
  readonly table: string;
  readonly type: ColumnType;
  readonly ours: readonly SeenChange[];
  readonly who: Who;
  readonly theirs: readonly SeenChange[];
}

function compare(all: readonly Seen[]): Outcome {
  const unexplained: string[] = [];
  const met = new Set<object>();
  let cells = 0;
  for (const { table, type, ours, who, theirs } of all) {
    const isThis = (entry: Omit<Difference, "isIt">): boolean =>
      entry.who === who && entry.type === label(type);
    const unread = UNREAD.find(isThis);
    if (unread !== undefined && theirs.length !== ours.length) {
      met.add(unread);
      continue;
    }
    if (theirs.length !== ours.length)
      unexplained.push(`${who}, ${table}: ${theirs.length} changes of ${ours.length}`);
    for (const [i, one] of ours.entries()) {
      cells++;
      const other = theirs[i];
      if (isDeepStrictEqual(other, one)) continue;
      const entry =
        other?.op === one.op && other.id === one.id && other.cell !== null && one.cell !== null
          ? DIFFERENCES.find((each) => isThis(each) && each.isIt(one.cell ?? "", other.cell ?? ""))
          : undefined;
      if (entry === undefined)
        unexplained.push(`${who}, ${table}: ${JSON.stringify(other)} for ${JSON.stringify(one)}`);
      else met.add(entry);
    }
  }
  return { unexplained: unexplained.slice(0, SHOWN_MAX), met, cells };
}

mysqlTest(
  "B74 B83 B84 B86 B91 B92 B93 B97 B106: mysqlbinlog and zongji see the same, but for what they get wrong",
  async ({ startMysql }) => {
    await using server = await startMysql();
    await using database = await server.database();
    await using folder = await tempDir();
    await using feed = await SourceFeed.open(server.url, { source: "test", epoch: 1 });
    const tables = await createTables(database);
    const schemas = await feed.schemas(tables.map((table) => ({ database: database.name, table })));
    const types = new Map(
      schemas.map(({ id, columns }) => [id.table, withMembers(id.table, must(columns[1], "v").type)]),
    );
    const { position } = await feed.now();
    await database.run("FLUSH BINARY LOGS");
    await change(database, tables);
    const logs = await database.rows("SHOW BINARY LOGS");
    const file = join(server.process.dataDir, String(logs.at(-1)?.[0]));
    const request = { types, database: database.name, without: position.gtids.toString(), last: "the_end" };
    const [captured, mysqlbinlog, zongji] = await Promise.all([
      feed.changesSince(position, schemas),
      mysqlbinlogChanges([file], { types, folder: folder.path }),
      zongjiChanges(server.url, request),
    ]);
    const seen = { mysqlbinlog, zongji: zongji.changes };
    const { unexplained, met, cells } = compare(
      schemas.flatMap(({ id }) => {
        const ours = capturedChanges(must(captured.batches.get(tableKey(id)), formatTableId(id)));
        const type = must(types.get(id.table), "a type");
        return EYES.map((who) => ({
          table: id.table,
          type,
          ours,
          who,
          theirs: seen[who].get(id.table) ?? [],
        }));
      }),
    );
    expect(unexplained).toEqual([]);
    expect(
      [...DIFFERENCES, ...UNREAD].filter((entry) => !met.has(entry)).map(({ who, why }) => `${who}: ${why}`),
    ).toEqual([]);
    expect(cells).toBeGreaterThan(20_000);
    expect(zongji.errors.every((error) => error.includes('Unsupported type "242"'))).toBe(true);
  },
);
