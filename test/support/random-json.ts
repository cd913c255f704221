import fc from "fast-check";

/** Keys that are names, need quotes in a path, or come in another order than their letters. */
const KEYS = [
  "a",
  "b",
  "aa",
  "ab",
  "z",
  "10",
  "9",
  "",
  "a b",
  "é",
  "🐬",
  'q"q',
  "b\\s",
  "n\nl",
  "last",
  "__proto__",
];
const key = fc.constantFrom(...KEYS);

/** A text as a literal of SQL. */
export const sqlText = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n")}'`;

const leafJson = fc.oneof(
  fc.constantFrom("null", "true", "false", "0", "-1", "32767", "32768", "-32769", "65536", "2147483648"),
  fc.constantFrom("-9223372036854775808", "18446744073709551615", "1.0", "-0.0", "1e20", "0.1", '""'),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.integer({ min: 1, max: 400 }).map((length) => JSON.stringify("x".repeat(length))),
);

const { node, container } = fc.letrec<{ node: string; container: string }>((tie) => ({
  node: fc.oneof({ depthSize: "small" }, leafJson, tie("container")),
  container: fc.oneof(
    fc.array(tie("node"), { maxLength: 6 }).map((cells) => `[${cells.join(", ")}]`),
    fc
      .uniqueArray(fc.tuple(key, tie("node")), { maxLength: 8, selector: ([name]) => name })
      .map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(", ")}}`),
  ),
}));

/** A document as a text of JSON. */
export const randomDocument: fc.Arbitrary<string> = fc.oneof({ weight: 9, arbitrary: container }, node);

const leg = fc.oneof(
  { weight: 3, arbitrary: key.map((name) => `.${JSON.stringify(name)}`) },
  fc.constantFrom(".a", ".b", ".z", "[0]", "[0]", "[1]", "[2]", "[7]", "[last]", "[last-1]"),
);
const path = fc.array(leg, { minLength: 1, maxLength: 4 }).map((legs) => sqlText(`$${legs.join("")}`));

/** Beside documents the values of MySQL's own types. */
const value = fc.oneof(
  { weight: 3, arbitrary: randomDocument.map((text) => `CAST(${sqlText(text)} AS JSON)`) },
  leafJson.map((text) => `CAST(${sqlText(text)} AS JSON)`),
  fc.constantFrom(
    "NULL",
    "'text'",
    "CAST(1.10 AS DECIMAL(5,2))",
    "TIMESTAMP'2020-01-02 03:04:05.678'",
    "DATE'1999-12-31'",
    "TIME'-10:11:12.5'",
    "X'00FF41'",
    "1.5e0",
    "42",
  ),
);

const call = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom("JSON_SET", "JSON_REPLACE"),
        fc.array(fc.tuple(path, value), { minLength: 1, maxLength: 3 }),
      )
      .map(
        ([name, pairs]) =>
          (inner: string) =>
            `${name}(${[inner, ...pairs.flat()].join(", ")})`,
      ),
  },
  fc
    .array(path, { minLength: 1, maxLength: 2 })
    .map((paths) => (inner: string) => `JSON_REMOVE(${[inner, ...paths].join(", ")})`),
  fc.tuple(path, value).map(
    ([at, what]) =>
      (inner: string) =>
        `JSON_ARRAY_APPEND(${inner}, ${at}, ${what})`,
  ),
);

/** A new value for a column of JSON that the server makes from the old one, as an expression. */
export const randomJsonChange: fc.Arbitrary<(column: string) => string> = fc
  .array(call, { minLength: 1, maxLength: 3 })
  .map((calls) => (column: string) => calls.reduce((inner, wrap) => wrap(inner), column));
