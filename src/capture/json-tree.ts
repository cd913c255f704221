import { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./corrupt.ts";

/**
 * A document of MySQL's binary JSON as a tree that can be changed, and back. Only the containers on the way to
 * a change become trees; whatever else is in the document stays the bytes that it was, since a container refers
 * to nothing outside of itself. What has to be written anew is written in the large form, which every reader of
 * the format takes for a document of any size. `json-text.ts` reads the format for its text and names its source.
 */
export type JsonNode = JsonPiece | JsonObject | JsonArray;

/** A value as it stands in some document. */
export interface JsonPiece {
  readonly form: "piece";
  readonly kind: number;
  /** Of the value alone, without its kind. */
  readonly bytes: Uint8Array;
}

export interface JsonObject {
  readonly form: "object";
  /** In the order of the format: by length, then by bytes. */
  readonly members: { readonly key: Uint8Array; value: JsonNode }[];
}

export interface JsonArray {
  readonly form: "array";
  readonly cells: JsonNode[];
}

const KIND = {
  smallObject: 0,
  largeObject: 1,
  smallArray: 2,
  largeArray: 3,
  literal: 4,
  int16: 5,
  uint16: 6,
  int32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  double: 11,
  string: 12,
  opaque: 15,
} as const;

/** Bytes of the values that always have the same. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [KIND.literal, 1],
  [KIND.int16, 2],
  [KIND.uint16, 2],
  [KIND.int32, 4],
  [KIND.uint32, 4],
  [KIND.int64, 8],
  [KIND.uint64, 8],
  [KIND.double, 8],
]);

/** A whole document: its kind, then its value. */
export function readJsonDocument(bytes: Uint8Array): JsonPiece {
  // Nothing at all is what a failed conversion leaves, and reads as the null literal.
  if (bytes.length === 0) return { form: "piece", kind: KIND.literal, bytes: Uint8Array.of(0) };
  return pieceAt(bytes, bytes[0] as number, 1);
}

function pieceAt(bytes: Uint8Array, kind: number, at: number): JsonPiece {
  return {
    form: "piece",
    kind,
    bytes: new ByteReader(bytes, at, bytes.length).take(lengthAt(bytes, kind, at)),
  };
}

function lengthAt(bytes: Uint8Array, kind: number, at: number): number {
  const fixed = FIXED.get(kind);
  if (fixed !== undefined) return fixed;
  const r = new ByteReader(bytes, at, bytes.length);
  switch (kind) {
    case KIND.smallObject:
    case KIND.smallArray:
      r.skip(2);
      return r.u16();
    case KIND.largeObject:
    case KIND.largeArray:
      r.skip(4);
      return r.uint(4);
    case KIND.opaque:
      r.skip(1);
      break;
    case KIND.string:
      break;
    default:
      throw corrupt(`a JSON value has the type ${kind}`);
  }
  const length = variableLength(r);
  return r.position - at + length;
}

/** A length in groups of seven bits, the lowest first. */
function variableLength(r: ByteReader): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = r.u8();
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw corrupt("a JSON length has more than five bytes");
}

/** A container as a tree of one level; any other node as it is. */
export function opened(node: JsonNode): JsonNode {
  if (node.form !== "piece" || node.kind > KIND.largeArray) return node;
  const { kind, bytes } = node;
  const isLarge = kind === KIND.largeObject || kind === KIND.largeArray;
  const isObject = kind === KIND.smallObject || kind === KIND.largeObject;
  const width = isLarge ? 4 : 2;
  const r = new ByteReader(bytes, 0, bytes.length);
  const count = r.uint(width);
  r.skip(width);
  if (count * (width + 1 + (isObject ? width + 2 : 0)) > r.left)
    throw corrupt(`a JSON container of ${count} members is cut short`);
  const keys: Uint8Array[] = [];
  for (let i = 0; isObject && i < count; i++) {
    const at = r.uint(width);
    keys.push(new ByteReader(bytes, Math.min(at, bytes.length), bytes.length).take(r.u16()));
  }
  const values: JsonNode[] = [];
  for (let i = 0; i < count; i++) {
    const kindOf = r.u8();
    const entry = r.position;
    const at = r.uint(width);
    const isInline = kindOf >= KIND.literal && kindOf <= (isLarge ? KIND.uint32 : KIND.uint16);
    values.push(pieceAt(bytes, kindOf, isInline ? entry : Math.min(at, bytes.length)));
  }
  if (!isObject) return { form: "array", cells: values };
  return {
    form: "object",
    members: keys.map((key, i) => ({ key, value: values[i] as JsonNode })),
  };
}

/** The order of keys in the format. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return a.length - b.length || Buffer.compare(a, b);
}

/**
 * The document of a node, in the bytes of the format. In a damaged one values can lie inside one another, and each
 * would be written out: more than `bytesMax` is none that the server has made.
 */
export function writeJsonTree(root: JsonNode, bytesMax: number): Uint8Array {
  const { kind, bytes } = flat(root, bytesMax);
  return Buffer.concat([Uint8Array.of(kind), bytes]);
}

function flat(node: JsonNode, bytesMax: number): JsonPiece {
  if (node.form === "piece") return node;
  const keys = node.form === "object" ? node.members.map(({ key }) => key) : [];
  const values = (node.form === "object" ? node.members.map(({ value }) => value) : node.cells).map((value) =>
    flat(value, bytesMax),
  );
  const head = Buffer.alloc(8 + keys.length * 6 + values.length * 5);
  const pieces: Uint8Array[] = [head];
  let end = head.length;
  const add = (piece: Uint8Array): number => {
    pieces.push(piece);
    end += piece.length;
    if (end > bytesMax) throw corrupt("the values of a JSON document lie inside one another");
    return end - piece.length;
  };
  keys.forEach((key, i) => {
    head.writeUInt32LE(add(key), 8 + i * 6);
    head.writeUInt16LE(key.length, 12 + i * 6);
  });
  values.forEach(({ kind, bytes }, i) => {
    const entry = 8 + keys.length * 6 + i * 5;
    head[entry] = kind;
    if (kind >= KIND.literal && kind <= KIND.uint32) head.set(bytes, entry + 1);
    else head.writeUInt32LE(add(bytes), entry + 1);
  });
  head.writeUInt32LE(values.length, 0);
  head.writeUInt32LE(end, 4);
  const kind = node.form === "object" ? KIND.largeObject : KIND.largeArray;
  return { form: "piece", kind, bytes: Buffer.concat(pieces) };
}
