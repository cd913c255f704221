/**
 * Partial updates of JSON (`binlog_row_value_options = PARTIAL_JSON`): what an update wrote into a document in
 * place of the document. A diff is an operation, a path and, unless it removes, a value in binary JSON:
 *
 *     diff := operation (1) · length of the path (packed) · path · [length of the value (packed) · value]
 *
 *     0 replace   what the path leads to is there, and becomes the value
 *     1 insert    what it leads to is not there: a new member of an object, or a cell of an array, before which
 *                 those from there on move up; behind the end of an array it is the last cell
 *     2 remove    what it leads to is there, and goes; cells behind it move down
 *
 * They apply one after another to the document of the image before. What they do not fit stops the table: the
 * document is then not the one that they were made for. The format is that of MySQL's `sql-common/json_diff.cc`.
 */
import { syncError } from "../types/errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./corrupt.ts";
import { parseJsonPath, type PathLeg } from "./json-path.ts";
import { compareKeys, opened, readJsonDocument, writeJsonTree, type JsonNode } from "./json-tree.ts";

/** The large form has at most twice the bytes of the small one, but for the heads of containers on the way. */
const GROWTH_MAX = 2;
const SMALL_BYTES = 4096;

const INSERT = 1;
const REMOVE = 2;

/** MySQL refuses deeper documents. */
const DEPTH_MAX = 100;

/** The document with these diffs applied. */
export function applyJsonDiffs(document: Uint8Array, diffs: Uint8Array): Uint8Array {
  const r = new ByteReader(diffs, 0, diffs.length);
  const root: Slot = { node: readJsonDocument(document) };
  while (r.left > 0) {
    const operation = r.u8();
    if (operation > REMOVE) throw corrupt(`a JSON diff has the operation ${operation}`);
    const path = parseJsonPath(r.text(r.packedLength()));
    const value = operation === REMOVE ? null : readJsonDocument(r.take(r.packedLength()));
    change(root, path, operation, value);
  }
  return writeJsonTree(root.node, (document.length + diffs.length) * GROWTH_MAX + SMALL_BYTES);
}

interface Slot {
  node: JsonNode;
}

function change(root: Slot, path: readonly PathLeg[], operation: number, value: JsonNode | null): void {
  const last = path.at(-1);
  if (last === undefined) throw misfit("it leads to the document as a whole");
  if (path.length > DEPTH_MAX) throw corrupt("a JSON diff leads deeper than MySQL allows");
  root.node = opened(root.node);
  let parent = root.node;
  for (const leg of path.slice(0, -1)) parent = step(parent, leg);
  if (last.kind === "member") changeMember(parent, last.name, operation, value);
  else changeCell(parent, last, operation, value);
}

/** The container that a leg leads to, opened in its place. */
function step(parent: JsonNode, leg: PathLeg): JsonNode {
  if (leg.kind === "member") {
    const members = parent.form === "object" ? parent.members : [];
    const member = members[placeOf(members, leg.name).at];
    if (member === undefined || compareKeys(member.key, leg.name) !== 0)
      throw misfit("a member is not there");
    return (member.value = opened(member.value));
  }
  const cells = parent.form === "array" ? parent.cells : [];
  const at = indexOf(cells.length, leg);
  const cell = cells[at];
  if (cell === undefined) throw misfit("a cell is not there");
  return (cells[at] = opened(cell));
}

function changeMember(parent: JsonNode, name: Uint8Array, operation: number, value: JsonNode | null): void {
  if (parent.form !== "object") throw misfit("a member of what is no object");
  const { at, isThere } = placeOf(parent.members, name);
  if (isThere === (operation === INSERT))
    throw misfit(isThere ? "the member is there" : "a member is not there");
  const removed = operation === INSERT ? 0 : 1;
  parent.members.splice(at, removed, ...(value === null ? [] : [{ key: name, value }]));
}

function changeCell(
  parent: JsonNode,
  leg: Extract<PathLeg, { kind: "cell" }>,
  operation: number,
  value: JsonNode | null,
): void {
  if (parent.form !== "array") throw misfit("a cell of what is no array");
  const { cells } = parent;
  const at = indexOf(cells.length, leg);
  if (operation === INSERT) {
    cells.splice(Math.min(Math.max(at, 0), cells.length), 0, ...(value === null ? [] : [value]));
    return;
  }
  if (cells[at] === undefined) throw misfit("a cell is not there");
  cells.splice(at, 1, ...(value === null ? [] : [value]));
}

/** Where a key is among the members, or belongs. */
function placeOf(
  members: readonly { readonly key: Uint8Array }[],
  name: Uint8Array,
): { readonly at: number; readonly isThere: boolean } {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareKeys((members[middle] as { key: Uint8Array }).key, name);
    if (order === 0) return { at: middle, isThere: true };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return { at: low, isThere: false };
}

const indexOf = (length: number, { index, isFromEnd }: Extract<PathLeg, { kind: "cell" }>): number =>
  isFromEnd ? length - 1 - index : index;

/** The path itself may hold what nobody should read in a log. */
const misfit = (why: string): Error =>
  syncError(
    "TABLE_PARTIAL_JSON",
    `a partial update of a JSON value does not fit the value before it: ${why}`,
    {
      hint: "take the table's snapshot again; if it comes again, SET GLOBAL binlog_row_value_options = '' on the source, and report it",
    },
  );
