import { expect } from "vitest";
import type { RowForm } from "../../src/types/change-batch.ts";
import { TEXT_CHARSETS, isPlainCharset, type TextCharset } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { batchRows } from "./batch-lines.ts";
import { snapshotRows } from "./snapshot-rows.ts";
import { SourceFeed } from "./source-feed.ts";
import type { TestDatabase } from "./test-mysql.ts";

/*
 * Every character of every character set, in its own bytes: by the snapshot, by the binlog in each of its forms, and
 * as MySQL converts it itself.
 */

const UNITS = ["ucs2", "utf16", "utf16le", "utf32"];
export const CHARSETS = TEXT_CHARSETS.filter((name) => !isPlainCharset(name));
const CHARACTERS_IN_ROW = 500;

const BYTES = "WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 255)";

/** The sequences of so many bytes for which MySQL has a character, in hex. */
async function sequences(
  database: TestDatabase,
  charset: string,
  ranges: readonly string[],
): Promise<string[]> {
  const code = `CHAR(${ranges.map((_, i) => `b${i}.i`).join(", ")})`;
  const from = ranges.map((_, i) => `n b${i}`).join(", ");
  const where = ranges.map((range, i) => `b${i}.i BETWEEN ${range}`).join(" AND ");
  const rows = await database.rows(
    `${BYTES} SELECT HEX(${code}), HEX(CONVERT(CONVERT(${code} USING ${charset}) USING utf8mb4)) FROM ${from} WHERE ${where}`,
  );
  return rows.flatMap(([hex, utf8]) => {
    const text = Buffer.from(String(utf8 ?? ""), "hex").toString();
    const isCharacter =
      Array.from(text).length === 1 && (hex === "3F" || (text !== "?" && text !== "\uFFFD"));
    return isCharacter ? [String(hex)] : [];
  });
}

async function charactersOf(database: TestDatabase, charset: TextCharset): Promise<readonly string[]> {
  const one = await sequences(database, charset, ["0 AND 255"]);
  const two = await sequences(database, charset, ["128 AND 255", "49 AND 255"]);
  const whole = [...one, ...two.filter((hex) => !one.includes(hex.slice(0, 2)))];
  if (charset === "ujis" || charset === "eucjpms") {
    return [...whole, ...(await sequences(database, charset, ["143 AND 143", "161 AND 254", "161 AND 254"]))];
  }
  if (charset !== "gb18030") return whole;
  const four = ["48 AND 57", "129 AND 254", "48 AND 57"];
  return [
    ...whole,
    ...(await sequences(database, charset, ["129 AND 132", ...four])),
    ...(await sequences(database, charset, ["144 AND 145", ...four])),
    ...(await sequences(database, charset, ["227 AND 227", ...four])),
  ];
}

/** Of the sets whose characters are units of two or four bytes: most of Unicode. */
function unitTexts(charset: TextCharset): readonly string[] {
  const points: number[] = [];
  for (let point = 1; point < 0x10000; point++) if (point < 0xd800 || point > 0xdfff) points.push(point);
  if (charset !== "ucs2")
    for (let point = 0x10000; point <= 0x10ffff; point += 97) points.push(point, 0x10ffff);
  return points.map((point) => String.fromCodePoint(point));
}

const inRows = (all: readonly string[]): readonly string[] =>
  Array.from({ length: Math.ceil(all.length / CHARACTERS_IN_ROW) }, (_, i) =>
    all.slice(i * CHARACTERS_IN_ROW, (i + 1) * CHARACTERS_IN_ROW).join(""),
  );

/** Every character of a character set. */
export async function expectEveryCharacter(
  charset: TextCharset,
  database: TestDatabase,
  forms: readonly RowForm[] = ["columns", "lines", "records"],
): Promise<void> {
  await database.run(
    `CREATE TABLE t (id INT PRIMARY KEY, c CHAR(10) CHARACTER SET ${charset}, v LONGTEXT CHARACTER SET ${charset},
      e ENUM('a', 'B c', 'D') CHARACTER SET ${charset})`,
  );
  await using feed = await SourceFeed.open(database.server.url, { source: "test", epoch: 1 });
  const [schema] = await feed.schemas([{ database: database.name, table: "t" }]);
  const { position } = await feed.now();
  const isUnits = UNITS.includes(charset);
  const texts = isUnits
    ? inRows(unitTexts(charset)).map(
        (text) => `CONVERT(_utf8mb4 X'${Buffer.from(text).toString("hex")}' USING ${charset})`,
      )
    : inRows(await charactersOf(database, charset)).map((hex) => `_${charset} X'${hex}'`);
  const rows = texts.map((text, i) => `(${i}, LEFT(${text}, 10), ${text}, ${(i % 3) + 1})`);
  await database.run(`INSERT INTO t VALUES ${rows.join(", ")}, (-1, NULL, '', NULL)`);

  const fromSnapshot = await snapshotRows(feed.connection, must(schema, "a schema"));
  const columns = ["c", "v", "e"].map((name) => `HEX(CONVERT(${name} USING utf8mb4))`).join(", ");
  const expected = await database.rows(`SELECT id, ${columns} FROM t ORDER BY id`);
  const utf8 = (hex: unknown): string | null =>
    typeof hex === "string" ? Buffer.from(hex, "hex").toString() : null;
  expect(fromSnapshot.map((row) => JSON.parse(row) as unknown)).toEqual(
    expected.map(([id, c, v, e]) => ({ id: Number(id), c: utf8(c), v: utf8(v), e: utf8(e) })),
  );
  const order = (row: string): number => Number(/-?\d+/.exec(row)?.[0]);
  for (const form of forms) {
    const { batches } = await feed.changesSince(position, [must(schema, "a schema")], form);
    const found = [...batches.values()].flat().flatMap(batchRows);
    expect(found.sort((a, b) => order(a) - order(b))).toEqual(fromSnapshot);
  }
}
