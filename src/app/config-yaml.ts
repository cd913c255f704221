import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLError,
} from "yaml";
import type { ConfigProblem } from "./config-error.ts";

/** Where a value lies: keys of maps and indices of lists. */
export type ConfigPath = readonly PropertyKey[];

/** A mistake between two keys, told at one of them. */
export interface CrossProblem {
  readonly path: ConfigPath;
  readonly message: string;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ConfigYaml {
  /** The content as plain values; undefined when the file is no YAML. */
  readonly data: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Place of the value, or of its key; of the nearest thing around it where there is none. */
  readonly place: (path: ConfigPath, of: "key" | "value") => Place;
}

/** Reads YAML 1.2 and remembers where everything stands. No message quotes the text, which may be a secret. */
export function readConfigYaml(text: string): ConfigYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    code: "CONFIG_INVALID" as const,
    ...at(error.pos[0]),
    message: YAML_MESSAGES[error.code],
  }));
  problems.push(...danglingAliases(document).map((offset) => ({ ...DANGLING_ALIAS, ...at(offset) })));
  if (problems.length > 0) return { data: undefined, problems, place: () => at(0) };
  try {
    return {
      data: document.toJS(),
      problems,
      place: (path, of) => at(offsetOf(document, path, of)),
    };
  } catch {
    // All that is left is a document whose aliases multiply beyond reason.
    const message = YAML_MESSAGES.RESOURCE_EXHAUSTION;
    return { data: undefined, problems: [{ code: "CONFIG_INVALID", ...at(0), message }], place: () => at(0) };
  }
}

const QUOTES = "put the text in quotes when it is meant as text";
const DANGLING_ALIAS = {
  code: "CONFIG_INVALID" as const,
  message: `a * at the beginning means an alias, and there is no such anchor; ${QUOTES}`,
};

const YAML_MESSAGES: Readonly<Record<YAMLError["code"], string>> = {
  ALIAS_PROPS: "an alias cannot have a tag or an anchor",
  BAD_ALIAS: `this alias or anchor has no valid name; ${QUOTES}`,
  BAD_COLLECTION_TYPE: "the tag does not fit this map or list",
  BAD_DIRECTIVE: "this directive is not known",
  BAD_DQ_ESCAPE:
    "this escape is not known between \"double quotes\"; use 'single quotes' or a doubled backslash",
  BAD_INDENT: "the indentation does not fit the lines above",
  BAD_PROP_ORDER: "tag and anchor must stand behind the indicator",
  BAD_SCALAR_START: `text cannot begin with this character; ${QUOTES}`,
  BLOCK_AS_IMPLICIT_KEY: `a map cannot begin here: is there a second colon in the line? ${QUOTES}`,
  BLOCK_IN_FLOW: "an indented block cannot stand inside brackets",
  DUPLICATE_KEY: "this key stands here for the second time",
  IMPOSSIBLE: "this is not YAML",
  KEY_OVER_1024_CHARS: "this key is too long",
  MISSING_CHAR: "a quote, comma, colon, bracket or space is missing here",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line; is a colon missing?",
  MULTIPLE_ANCHORS: "a value can have one anchor",
  MULTIPLE_DOCS: "the file must hold one document",
  MULTIPLE_TAGS: "a value can have one tag",
  NON_STRING_KEY: "a key must be text",
  RESOURCE_EXHAUSTION: "the aliases of the file multiply without end",
  TAB_AS_INDENT: "the indentation must be spaces, not tabs",
  TAG_RESOLVE_FAILED: `this tag is not known; ${QUOTES}`,
  UNEXPECTED_TOKEN: `this is not expected here; ${QUOTES}`,
};

function danglingAliases(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias: (_key, node) => {
      if (node.resolve(document) === undefined) offsets.push(node.range?.[0] ?? 0);
    },
  });
  return offsets;
}

function offsetOf(document: Document, path: ConfigPath, of: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, segment] of path.entries()) {
    const wantsKey = of === "key" && depth === path.length - 1;
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return offset;
      offset = (wantsKey ? undefined : startOf(pair.value)) ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

/** The value of a key in data that may be anything. */
export function child(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
