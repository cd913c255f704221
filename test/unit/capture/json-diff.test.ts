import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import { applyJsonDiffs } from "../../../src/capture/json-diff.ts";
import { parseJsonPath } from "../../../src/capture/json-path.ts";
import { writeJsonTree, type JsonNode } from "../../../src/capture/json-tree.ts";
import { writeJsonText } from "../../../src/capture/json-text.ts";
import { isSyncError } from "../../../src/types/errors.ts";

const number = (value: number): JsonNode => ({ form: "piece", kind: 5, bytes: Uint8Array.of(value, 0) });
const key = (name: string): Buffer => Buffer.from(name);

/** `{"a": 1, "b": [2, 3]}` */
const DOCUMENT = writeJsonTree(
  {
    form: "object",
    members: [
      { key: key("a"), value: number(1) },
      { key: key("b"), value: { form: "array", cells: [number(2), number(3)] } },
    ],
  },
  1 << 16,
);

interface Diff {
  readonly operation: number;
  readonly path: string;
  readonly value?: number;
}

function diffs(...list: readonly Diff[]): Uint8Array {
  return Buffer.concat(
    list.map(({ operation, path, value }) =>
      Buffer.concat([
        Buffer.of(operation, path.length),
        Buffer.from(path),
        ...(value === undefined ? [] : [Buffer.of(3, 5, value, 0)]),
      ]),
    ),
  );
}

function textOf(document: Uint8Array): string {
  const w = new ByteWriter(16);
  const end = writeJsonText(w, 0, document, 0, document.length);
  return Buffer.from(w.bytes.subarray(0, end)).toString();
}

test.each([
  ["replace a member", { operation: 0, path: "$.a", value: 9 }, '{"a": 9, "b": [2, 3]}'],
  ["replace a cell", { operation: 0, path: "$.b[1]", value: 9 }, '{"a": 1, "b": [2, 9]}'],
  ["replace the last cell", { operation: 0, path: "$.b[last]", value: 9 }, '{"a": 1, "b": [2, 9]}'],
  [
    "insert a member in its place",
    { operation: 1, path: "$.aa", value: 9 },
    '{"a": 1, "b": [2, 3], "aa": 9}',
  ],
  ["insert a cell", { operation: 1, path: "$.b[0]", value: 9 }, '{"a": 1, "b": [9, 2, 3]}'],
  ["insert behind the end", { operation: 1, path: "$.b[7]", value: 9 }, '{"a": 1, "b": [2, 3, 9]}'],
  ["remove a member", { operation: 2, path: '$."b"' }, '{"a": 1}'],
  ["remove a cell", { operation: 2, path: "$.b[last-1]" }, '{"a": 1, "b": [3]}'],
] as const)("A29: a diff to %s", (_, diff, expected) => {
  expect(textOf(applyJsonDiffs(DOCUMENT, diffs(diff)))).toBe(expected);
});

test("A29: diffs apply one after another", () => {
  const list = diffs(
    { operation: 1, path: "$.b[0]", value: 8 },
    { operation: 2, path: "$.b[1]" },
    { operation: 0, path: "$.b[1]", value: 9 },
  );
  expect(textOf(applyJsonDiffs(DOCUMENT, list))).toBe('{"a": 1, "b": [8, 9]}');
});

test.each([
  ["a member that is not there", { operation: 0, path: "$.c", value: 1 }],
  ["a member that is there", { operation: 1, path: "$.a", value: 1 }],
  ["a cell that is not there", { operation: 2, path: "$.b[2]" }],
  ["a cell of an object", { operation: 1, path: "$[0]", value: 1 }],
  ["a member of an array", { operation: 1, path: "$.b.x", value: 1 }],
  ["a way through a number", { operation: 0, path: "$.a.b.c", value: 1 }],
  ["the document as a whole", { operation: 0, path: "$", value: 1 }],
] as const)("A29: %s does not fit, and stops the table with a remedy", (_, diff) => {
  let caught: unknown;
  try {
    applyJsonDiffs(DOCUMENT, diffs(diff));
  } catch (error) {
    caught = error;
  }
  if (!isSyncError(caught)) throw new Error("it fits", { cause: caught });
  expect([caught.code, caught.exitCode]).toEqual(["TABLE_PARTIAL_JSON", 1]);
  expect(caught.hint).toContain("take the table's snapshot again");
});

test("A29: the names of a path", () => {
  const names = (path: string): readonly string[] =>
    parseJsonPath(path).map((leg) =>
      leg.kind === "member" ? Buffer.from(leg.name).toString() : `[${leg.index}]`,
    );
  expect(names('$.a."b c"[3]."q\\"\\\\\\n\\u0001".é')).toEqual(["a", "b c", "[3]", 'q"\\\n\u0001', "é"]);
  expect(names("$")).toEqual([]);
  for (const path of ["", "a", "$.", "$[", "$[x]", '$."a', "$[*]", "$**.a", '$."\\x"']) {
    expect(() => parseJsonPath(path), path).toThrow("cannot be read");
  }
});

test("A29: a document whose values lie inside one another, or in themselves, is refused before it grows", () => {
  // An array of 1,000 cells, each of them the string that fills the rest; and one whose cell is the array itself.
  const cells = 1000;
  const text = 8 + cells * 5;
  const nested = Buffer.alloc(text + 3 + 9000);
  nested.writeUInt32LE(cells, 0);
  nested.writeUInt32LE(nested.length, 4);
  for (let i = 0; i < cells; i++) {
    nested.writeUInt8(12, 8 + i * 5);
    nested.writeUInt32LE(text, 9 + i * 5);
  }
  nested.set([0xa8, 0x46], text);
  const document = Buffer.concat([Buffer.of(3), nested]);
  expect(() => applyJsonDiffs(document, diffs({ operation: 2, path: "$[0]" }))).toThrow(
    "the values of a JSON document lie inside one another",
  );
  const own = Buffer.of(3, 1, 0, 0, 0, 13, 0, 0, 0, 3, 0, 0, 0, 0);
  const path = `$${"[0]".repeat(80)}`;
  expect(() => applyJsonDiffs(own, diffs({ operation: 0, path, value: 1 }))).not.toThrow();
  expect(() => applyJsonDiffs(own, longDiff(`$${"[0]".repeat(101)}`))).toThrow("deeper than MySQL allows");
});

/** A diff that removes, with a path of 252 bytes or more. */
function longDiff(path: string): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(path.length);
  return Buffer.concat([Buffer.of(2, 0xfc), length, Buffer.from(path)]);
}

test("A29: diffs and documents with bytes changed or cut off end by a named error or by a document", () => {
  const list = diffs({ operation: 1, path: "$.b[0]", value: 8 }, { operation: 2, path: "$.a" });
  fc.assert(
    fc.property(fc.nat(), fc.nat(255), fc.nat(), fc.boolean(), (at, byte, cut, isOfDocument) => {
      const bytes = Buffer.from(isOfDocument ? DOCUMENT : list);
      bytes[at % bytes.length] = byte;
      const damaged = bytes.subarray(0, bytes.length - (cut % 4));
      try {
        textOf(applyJsonDiffs(isOfDocument ? damaged : DOCUMENT, isOfDocument ? list : damaged));
      } catch (error) {
        if (!isSyncError(error)) throw error;
      }
    }),
    { numRuns: 5000, seed: 29 },
  );
});
