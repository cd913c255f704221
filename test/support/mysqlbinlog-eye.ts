import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { mysqlProgram } from "../../scripts/mysql/install.ts";
import { runCommand } from "../../scripts/run-command.ts";
import type { ColumnType } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { updated, type SeenChange } from "./seen-change.ts";

/* What MySQL's own `mysqlbinlog -vv` prints of rows, taken apart. */

/** The changes by table, of all tables whose values it can print. */
export async function mysqlbinlogChanges(
  files: readonly string[],
  { types, folder }: { readonly types: ReadonlyMap<string, ColumnType>; readonly folder: string },
): Promise<ReadonlyMap<string, readonly SeenChange[]>> {
  const { command, args } = mysqlProgram("mysqlbinlog");
  const out = join(folder, "mysqlbinlog.txt");
  const options = ["--no-defaults", "-vv", "--base64-output=decode-rows", `--result-file=${out}`];
  await runCommand(command, [...args, ...options, ...files]);
  const changes = new Map<string, SeenChange[]>();
  for (const { table, op, images } of statementsOf((await readFile(out)).toString("latin1"))) {
    const type = types.get(table);
    if (type === undefined) continue;
    const list = changes.get(table) ?? [];
    changes.set(table, list);
    const seen = images.map(([id = "", value]) => ({
      // Behind a negative number stands what it would be without a sign.
      id: Number.parseInt(id, 10),
      cell: value === undefined ? undefined : cellOf(value, type),
    }));
    const [first, second] = seen;
    if (first === undefined || seen.some(({ cell }) => cell === undefined)) continue;
    const { id, cell = null } = second ?? first;
    if (op === "UPDATE") list.push(...updated(first.id, { id, cell }));
    else list.push(op === "INSERT" ? { op: "c", id, cell } : { op: "d", id, cell: null });
  }
  return changes;
}

interface Printed {
  readonly table: string;
  readonly op: string;
  /** Before and after, or the only one, each with its values as they are printed. */
  readonly images: readonly (readonly string[])[];
}

/** Bytes are characters here, since a text is printed in the character set of its column. */
function* statementsOf(text: string): Generator<Printed, void, void> {
  const statement =
    /^### (INSERT INTO|UPDATE|DELETE FROM) `[^`]*`\.`([^`]*)`\n((?:###.*\n)*?)(?=(?:### (?:INSERT|UPDATE|DELETE))|[^#]|# )/gm;
  for (const [, words = "", table = "", body = ""] of text.matchAll(statement)) {
    const images: string[][] = [];
    for (const line of body.split("\n")) {
      if (/^### (SET|WHERE)$/.test(line)) images.push([]);
      const value = /^### {3}@\d+=(.*) \/\* [^*]* \*\/$/.exec(line)?.[1];
      if (value !== undefined) images.at(-1)?.push(value);
    }
    yield { table, op: must(words.split(" ")[0], "a word"), images };
  }
}

function cellOf(printed: string, type: ColumnType): string | null {
  if (printed === "NULL") return null;
  switch (type.kind) {
    case "int": {
      const [signed = "", unsigned] = printed.replaceAll(/[()]/g, "").split(" ");
      return type.unsigned ? (unsigned ?? signed) : signed;
    }
    case "decimal":
    case "year":
      return printed;
    case "float":
    case "double":
      return Object.is(Number(printed), -0) ? "-0.0" : String(Number(printed));
    case "bit":
      return String(BigInt(`0b${printed.slice(2, -1)}`));
    case "date":
      return printed.slice(1, -1).replaceAll(":", "-");
    case "timestamp":
      return momentText(printed);
    case "enum":
      return printed === "0" ? "" : must(type.members[Number(printed) - 1], "a member");
    case "set": {
      const bits = BigInt(`0b${printed.slice(2, -1)}`);
      return type.members.filter((_, i) => ((bits >> BigInt(i)) & 1n) === 1n).join(",");
    }
    case "time":
    case "datetime":
      return printed.slice(1, -1);
    case "bytes":
      if (type.form !== "vector") return bytesOf(printed).toString("base64");
      return Buffer.from(Float32Array.from(printed.slice(1, -1).split(",").map(Number)).buffer).toString(
        "base64",
      );
    case "text":
      return textOf(bytesOf(printed), type.charset);
    case "json":
      return bytesOf(printed).toString("utf8");
  }
}

const NAMES_OF_WHATWG: Readonly<Record<string, string>> = {
  utf8mb4: "utf-8",
  utf8mb3: "utf-8",
  ascii: "utf-8",
  latin1: "windows-1252",
  greek: "iso-8859-7",
  gbk: "gbk",
  utf16: "utf-16be",
};

/** By Node's tables, which are not MySQL's. */
function textOf(bytes: Buffer, charset: string): string {
  const name = must(NAMES_OF_WHATWG[charset], `the name of ${charset}`);
  return new TextDecoder(name, { ignoreBOM: true }).decode(bytes);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", "0": "\0" };

function bytesOf(printed: string): Buffer {
  const text = printed
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, hex: string | undefined, one: string) =>
      hex === undefined ? (ESCAPES[one] ?? one) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(text, "latin1");
}

/** Seconds since 1970, with a fraction, as a moment in UTC. */
function momentText(printed: string): string {
  const [seconds = "", fraction] = printed.split(".");
  const whole =
    Number(seconds) === 0
      ? "0000-00-00 00:00:00"
      : new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ");
  return fraction === undefined ? whole : `${whole}.${fraction}`;
}
