/** Turns what zod finds wrong into sentences with the allowed values, the value found and what was meant. */
import type { z } from "zod";
import { nearest } from "../util/nearest.ts";
import type { ConfigProblem } from "./config-error.ts";
import { suggestKey } from "./config-spelling.ts";
import type { ConfigPath, ConfigYaml } from "./config-yaml.ts";

/** As much of a JSON Schema as the texts need. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
}

type Issue = z.core.$ZodIssue;

interface Finding {
  readonly path: ConfigPath;
  readonly of: "key" | "value";
  readonly message: string;
  readonly code: ConfigProblem["code"];
}

/** `schema` is the JSON Schema of the config, as `configJsonSchema` gives it. */
export function describeIssues(
  issues: readonly Issue[],
  file: { readonly yaml: ConfigYaml; readonly schema: unknown },
): ConfigProblem[] {
  const root = file.schema as SchemaNode;
  const describer = new IssueDescriber(root, file.yaml.data);
  return issues
    .flatMap((issue) => describer.findings(issue, []))
    .map(({ path, of, message, code }) => ({ code, message, ...file.yaml.place(path, of) }));
}

class IssueDescriber {
  readonly #root: SchemaNode;
  readonly #data: unknown;

  constructor(root: SchemaNode, data: unknown) {
    this.#root = root;
    this.#data = data;
  }

  findings(issue: Issue, base: ConfigPath): Finding[] {
    const path = [...base, ...issue.path];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => this.#unknownKey(path, key));
    const value = valueAt(this.#data, path);
    if (value === undefined || value === null) return [this.#missing(path, value)];
    if (issue.code === "invalid_union") return this.#union(issue, path);
    return [finding(path, this.#sentence(issue, path), codeOf(issue))];
  }

  #unknownKey(path: ConfigPath, key: string): Finding {
    const place = path.filter((segment) => typeof segment === "string");
    const suggestion = suggestKey(place, key, knownKeys(this.#root));
    const shown = `unknown key \`${showKey([...place, key].join("."))}\``;
    const known = childrenOf(schemaAt(this.#root, path)).join(", ");
    const advice =
      suggestion === null
        ? `; known here: ${known}`
        : suggestion.kind === "meant"
          ? `; did you mean \`${suggestion.key}\`?`
          : "; this version cannot do that yet";
    return { ...finding([...path, key], `${shown}${advice}`), of: "key" };
  }

  #missing(path: ConfigPath, value: null | undefined): Finding {
    if (path.length === 0) return finding(path, `the file is empty; ${MINIMAL}`);
    const name = String(path.at(-1));
    const example = schemaAt(this.#root, path)?.examples?.[0];
    const shown = example === undefined ? "" : `; for example \`${name}: ${showExample(example)}\``;
    return finding(path, `\`${showPath(path)}\` is ${value === null ? "empty" : "missing"}${shown}`);
  }

  /** Of the alternatives, the ones of the right shape; when there is none, all shapes are named. */
  #union(issue: z.core.$ZodIssueInvalidUnion, path: ConfigPath): Finding[] {
    const branches = issue.errors.filter((errors) => !errors.some((error) => this.#isShape(error, path)));
    const branch = branches[0];
    if (branch !== undefined) return branch.flatMap((error) => this.findings(error, path));
    const shapes = shapesOf(schemaAt(this.#root, path));
    return [finding(path, `${subject(path)} must be ${shapes}${this.#actual(path)}`)];
  }

  #isShape(issue: Issue, path: ConfigPath): boolean {
    if (issue.path.length > 0) return false;
    if (issue.code === "invalid_type") return true;
    return issue.code === "invalid_value" && typeof valueAt(this.#data, path) !== "string";
  }

  #sentence(issue: Issue, path: ConfigPath): string {
    const node = schemaAt(this.#root, path);
    switch (issue.code) {
      case "invalid_value":
        return `${subject(path)} must be one of ${[...new Set(issue.values.map(String))].join(", ")}${this.#meant(issue.values, path)}`;
      case "too_small":
      case "too_big":
        if (issue.origin === "array") return `${subject(path)} must have at least one entry`;
        if (issue.origin === "string") return `${subject(path)} must not be empty`;
        return `${subject(path)} must be between ${String(node?.minimum)} and ${String(node?.maximum)}${this.#actual(path)}`;
      case "invalid_type":
        return `${subject(path)} must be ${expectedShape(issue.expected, node)}${this.#actual(path)}`;
      default:
        return `${subject(path)}${CONTINUES.test(issue.message) ? "" : ":"} ${issue.message}`;
    }
  }

  /** What was found, and which of the allowed values it was meant to be. */
  #meant(allowed: readonly unknown[], path: ConfigPath): string {
    const value = valueAt(this.#data, path);
    const meant = typeof value === "string" ? nearest(value, new Set(allowed.map(String))) : null;
    return `${this.#actual(path)}${meant === null ? "" : `; did you mean \`${meant}\`?`}`;
  }

  #actual(path: ConfigPath): string {
    const value = valueAt(this.#data, path);
    if (Array.isArray(value)) return ", is a list";
    if (typeof value === "object") return ", is a map";
    const kind = typeof value === "string" ? "text" : typeof value;
    // A misplaced value may well be the password itself.
    if (
      path.length === 0 ||
      path.some((segment) => SECRET_KEYS.has(String(segment))) ||
      SECRET_MAPS.has(String(path.at(-1)))
    ) {
      return `, is a ${kind}`;
    }
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    return `, is ${typeof value === "string" ? "" : `the ${kind} `}\`${cut(shown, 40)}\``;
  }
}

const SECRET_KEYS: ReadonlySet<string> = new Set([
  ...["url", "user", "password", "key"],
  ...["token", "tokenEndpoint", "clientSecret"],
]);
/** Maps that hold one, in the place of which it may stand. */
const SECRET_MAPS: ReadonlySet<string> = new Set(["sasl"]);

const MINIMAL = "a config has at least `source`, `tables` and `lake`";

/** A message that goes on behind the name of its key; others are sentences of their own. */
const CONTINUES = /^(must|is|names|cannot|holds) /;

const subject = (path: ConfigPath): string => (path.length === 0 ? "the file" : `\`${showPath(path)}\``);

function expectedShape(expected: string, node: SchemaNode | undefined): string {
  const example = node?.examples?.[0];
  const such = example === undefined ? "" : `, such as \`${showExample(example)}\``;
  switch (expected) {
    case "array":
      return `a list${such}`;
    case "object":
    case "record":
      return "a map of keys and values";
    case "int":
    case "number":
      return "a whole number";
    case "string":
      return `text${such}`;
    case "boolean":
      return "true or false";
    default:
      return expected;
  }
}

/** The shapes of a value that may have several. */
function shapesOf(node: SchemaNode | undefined): string {
  const types = new Set(node?.anyOf?.map(({ type }) => type));
  return [
    ...(types.has("string") ? ["text"] : []),
    ...(types.has("array") ? ["a list"] : []),
    ...(types.has("object") ? ["a map"] : []),
  ].join(" or ");
}

function finding(path: ConfigPath, message: string, code: ConfigProblem["code"] = "CONFIG_INVALID"): Finding {
  return { path, of: "value", message, code };
}

const codeOf = (issue: Issue): ConfigProblem["code"] =>
  issue.code === "custom" && issue.params?.["code"] === "SECRET_MISSING"
    ? "SECRET_MISSING"
    : "CONFIG_INVALID";

function schemaAt(node: SchemaNode | undefined, path: ConfigPath): SchemaNode | undefined {
  if (node === undefined || path.length === 0) return node;
  const [segment, ...rest] = path;
  for (const branch of [node, ...(node.anyOf ?? [])]) {
    const next = typeof segment === "number" ? branch.items : ownProperty(branch.properties, String(segment));
    if (next !== undefined) return schemaAt(next, rest);
  }
  return undefined;
}

const ownProperty = <T>(properties: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;

function childrenOf(node: SchemaNode | undefined): string[] {
  if (node === undefined) return [];
  return [node, ...(node.anyOf ?? [])].flatMap((branch) => Object.keys(branch.properties ?? {}));
}

/** Full names of all keys, list indices left out. */
function knownKeys(node: SchemaNode, prefix = ""): string[] {
  const names: string[] = [];
  for (const branch of [node, ...(node.anyOf ?? [])]) {
    for (const [key, child] of Object.entries(branch.properties ?? {})) {
      names.push(`${prefix}${key}`, ...knownKeys(child, `${prefix}${key}.`));
    }
    if (branch.items !== undefined) names.push(...knownKeys(branch.items, prefix));
  }
  return names;
}

function valueAt(data: unknown, path: ConfigPath): unknown {
  let value = data;
  for (const segment of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[segment];
  }
  return value;
}

/** `overrides[0].tables`, as people write it. */
const showPath = (path: ConfigPath): string =>
  path.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    return text === "" ? String(segment) : `${text}.${String(segment)}`;
  }, "");

/** A whole URL in the place of a key may hold a password. */
const showKey = (key: string): string => (/[@:/]/.test(key) ? "…" : cut(key, 60));

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

const showExample = (example: unknown): string =>
  typeof example === "string" ? example : JSON.stringify(example);
