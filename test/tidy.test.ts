import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync, visitorKeys, type Node } from "oxc-parser";
import { describe, expect, test } from "vitest";
import { must } from "../src/util/assert.ts";

/*
 * The rules of the layout, held by machine: who may import whom, how long files and functions get, which words
 * stay out, that no file is dead, and that every test file belongs to exactly one project.
 */
const LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const STAGES = ["capture", "channel", "dedup", "lake", "trace"];

/** Packages that only one folder (or file) may import; what follows a `/` counts as the package. */
const FENCES: readonly (readonly [RegExp, RegExp])[] = [
  [/^(mysql2|@vlasky\/zongji)(\/|$)/, /^src\/capture\//],
  [/^@duckdb\//, /^src\/lake\//],
  [/^(@clickhouse\/client|chdb)(\/|$)/, /^src\/trace\//],
  [/^apache-arrow(\/|$)/, /^src\/lake\//],
  [/^commander$/, /^src\/app\/cli/],
  [/^yaml$/, /^src\/app\/(config|starter-config)/],
  [/^lz4-napi$/, /^src\/channel\/kafka\/compression/],
  [/^kafkajs(\/|$)/, /^src\/channel\/kafkajs\//],
  [/^@confluentinc\//, /^src\/channel\/librdkafka\//],
  [/^log-update$/, /^src\/app\/progress-display/],
];

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(file));
const sources = tracked.filter((file) => /^(src|test|scripts)\/.*\.ts$/.test(file));
const text = new Map(sources.map((file) => [file, readFileSync(file, "utf8")]));
const trees = new Map([...text].map(([file, content]) => [file, parseSync(file, content)]));

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every module that a file names: by import, by export from it, and by dynamic import. */
function importsOf(file: string): readonly string[] {
  const content = text.get(file) ?? "";
  const { module } = must(trees.get(file), `the tree of ${file}`);
  const exported = module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest));
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => content.slice(start, end));
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...exported.flatMap((request) => (request === null ? [] : [request.value])),
    ...dynamic.flatMap((literal) => /^"(.*)"$/.exec(literal)?.[1] ?? []),
  ];
}

/** Calls it for each node of a file, from the outside in. */
function visitNodes(file: string, visit: (node: Node) => void): void {
  const walk = (node: Node): void => {
    visit(node);
    const members = node as unknown as Readonly<Record<string, Node | readonly (Node | null)[] | null>>;
    for (const key of visitorKeys[node.type] ?? []) {
      for (const child of [members[key] ?? []].flat()) if (child !== null) walk(child);
    }
  };
  walk(must(trees.get(file), `the tree of ${file}`).program);
}

const lineAt = (file: string, offset: number): number =>
  (text.get(file) ?? "").slice(0, offset).split("\n").length;

const imports: readonly Import[] = sources.flatMap((from) => importsOf(from).map((to) => ({ from, to })));
const local = imports.flatMap(({ from, to }) =>
  to.startsWith(".") ? [{ from, to: normalize(join(dirname(from), to)) }] : [],
);

const layerOf = (file: string): string => (file === "src/main.ts" ? "main" : (file.split("/")[1] ?? ""));

function mayImport(from: string, to: string): boolean {
  if (from === to || to === "util") return true;
  if (to === "types") return from !== "util";
  if (STAGES.includes(to)) return from === "app";
  return to === "app" && from === "main";
}

describe("imports", () => {
  test("go down only: main, app, a stage, types, util", () => {
    const wrong = local
      .filter(({ from, to }) => from.startsWith("src/") && !mayImport(layerOf(from), layerOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  test("name files that are there, with their ending", () => {
    expect(local.filter(({ to }) => !existsSync(to)).map(({ from, to }) => `${from} imports ${to}`)).toEqual(
      [],
    );
  });

  test("keep each driver in its folder", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        from.startsWith("src/") && FENCES.some(([name, home]) => name.test(to) && !home.test(from)),
    );
    expect(wrong).toEqual([]);
  });

  test("use only packages that package.json lists", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
    };
    const optional = ["chdb"];
    const names = new Set([...Object.keys(dependencies), ...optional]);
    const wrong = imports.filter(({ from, to }) => {
      if (!from.startsWith("src/") || to.startsWith(".") || to.startsWith("node:")) return false;
      return !names.has(to.startsWith("@") ? to.split("/").slice(0, 2).join("/") : (to.split("/")[0] ?? ""));
    });
    expect(wrong).toEqual([]);
  });
});

test("no file is dead", () => {
  const entries = [
    "src/main.ts",
    "src/capture/binlog-worker.ts",
    ...sources.filter((file) =>
      /\.test\.ts$|^scripts\/[^/]+\.ts$|^test\/bench\/main\.ts$|global-setup\.ts$/.test(file),
    ),
  ];
  const alive = new Set(entries);
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const { from, to } of local) {
      if (from === file && !alive.has(to)) {
        alive.add(to);
        queue.push(to);
      }
    }
    // Scripts that tests start as processes of their own are named by their path.
    for (const other of sources) {
      const name = other.split("/").at(-1) ?? "";
      if (!alive.has(other) && file.startsWith("test/") && (text.get(file)?.includes(`${name}"`) ?? false)) {
        alive.add(other);
        queue.push(other);
      }
    }
  }
  expect(sources.filter((file) => !alive.has(file))).toEqual([]);
});

describe("size", () => {
  test(`no file has more than ${LINES_MAX} lines`, () => {
    const long = [...text]
      .filter(([, content]) => content.split("\n").length - 1 > LINES_MAX)
      .map(([file]) => file);
    expect(long).toEqual([]);
  });

  test(`no function in src has more than ${FUNCTION_LINES_MAX} lines`, () => {
    const long: string[] = [];
    for (const file of sources.filter((name) => name.startsWith("src/"))) {
      const content = must(text.get(file), `the text of ${file}`);
      visitNodes(file, (node) => {
        if (!/^(Arrow)?Function/.test(node.type) || !("body" in node) || node.body === null) return;
        const lines = content.slice(node.start, node.end).split("\n").length;
        if (lines > FUNCTION_LINES_MAX) long.push(`${file}:${lineAt(file, node.start)} (${lines} lines)`);
      });
    }
    expect(long).toEqual([]);
  });
});

describe("words and shapes that stay out", () => {
  const inSource = (pattern: RegExp, files: readonly string[]): string[] =>
    files.flatMap((file) =>
      (text.get(file) ?? readFileSync(file, "utf8"))
        .split("\n")
        .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
    );
  const own = sources.filter((file) => file !== "test/tidy.test.ts");
  const src = own.filter((file) => file.startsWith("src/"));

  test("no any, no silenced checker", () => {
    const anys: string[] = [];
    for (const file of sources) {
      visitNodes(file, (node) => {
        if (node.type === "TSAnyKeyword") anys.push(`${file}:${lineAt(file, node.start)}`);
      });
    }
    expect(anys).toEqual([]);
    expect(inSource(/@ts-(ignore|nocheck|expect-error)|(eslint|oxlint)-disable/, own)).toEqual([]);
  });

  test("no default export and no barrel", () => {
    expect(inSource(/^export default/, own)).toEqual([]);
    expect(inSource(/^export \* from/, own)).toEqual([]);
    expect(sources.filter((file) => /\/(index|utils|helpers)\.ts$/.test(file))).toEqual([]);
  });

  test("no skipped or focused test", () => {
    expect(inSource(/\b(it|test|describe)\.(skip|only|todo)\b/, own)).toEqual([]);
  });

  test("nothing left over", () => {
    expect(inSource(/TODO|FIXME|XXX|HACK/, own)).toEqual([]);
  });

  test("console stays out of src; output goes through the log or an Output", () => {
    expect(inSource(/\bconsole\./, src)).toEqual([]);
  });

  test("only main ends the process", () => {
    const ends = inSource(/process\.exit\(/, src).filter((line) => !line.startsWith("src/main.ts"));
    expect(ends).toEqual([]);
  });

  test("file names are kebab-case", () => {
    const wrong = sources.filter(
      (file) => !/^[a-z0-9-]+(\.[a-z0-9]+)*\.ts$/.test(file.split("/").at(-1) ?? ""),
    );
    expect(wrong).toEqual([]);
  });
});

test("every test file belongs to exactly one project", () => {
  const projects: readonly (readonly [string, RegExp])[] = [
    ["unit", /^test\/(unit\/.*|[^/]*)\.test\.ts$/],
    ...["lake", "mysql", "mariadb", "kafka", "clickhouse", "e2e", "crash", "faults", "engines"].map(
      (name) => [name, new RegExp(`^test/.*\\.${name}\\.test\\.ts$`)] as const,
    ),
  ];
  const wrong = sources
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => ({ file, in: projects.flatMap(([name, pattern]) => (pattern.test(file) ? [name] : [])) }))
    .filter((found) => found.in.length !== 1);
  expect(wrong).toEqual([]);
});
