/**
 * Writes the README's tables of what is supported: `node scripts/make-support-matrix.ts`. It starts each server, takes a
 * table of every type through the whole program, and writes down what came of it. The tests do the same and compare.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eventCells } from "../test/support/event-matrix.ts";
import { MARIADB_VERSIONS, privateMariadb } from "../test/support/mariadb-servers.ts";
import { Oracle } from "../test/support/oracle.ts";
import { expectedCells, SERVERS, TRIED_TYPES, tryTypes, type Tried } from "../test/support/support-matrix.ts";
import { privateServer } from "../test/support/test-mysql.ts";

const README = fileURLToPath(new URL("../README.md", import.meta.url));
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

async function tryAll(): Promise<readonly ReadonlyMap<string, Tried>[]> {
  await using oracle = await Oracle.open();
  const found: ReadonlyMap<string, Tried>[] = [];
  {
    await using server = await privateServer();
    found.push(await tryTypes(server, { kind: "MySQL", oracle }));
  }
  for (const version of MARIADB_VERSIONS) {
    await using server = await privateMariadb(version);
    found.push(await tryTypes(server, { kind: "MariaDB", oracle }));
  }
  return found;
}

function typeTable(found: readonly ReadonlyMap<string, Tried>[]): string {
  const cells = found.map(expectedCells);
  const header = ["type", "in the lake", ...SERVERS.flatMap((name) => [`${name}: snapshot`, "binlog"])];
  const rows = TRIED_TYPES.map(({ name }) => [
    name,
    found.map((tried) => tried.get(name)?.lake).find((lake) => lake !== undefined) ?? "?",
    ...cells.flatMap((of) => of.get(name) ?? []),
  ]);
  return [header, header.map(() => "---"), ...rows].map(row).join("\n");
}

function eventTable(): string {
  const header = ["event", "MySQL", "MariaDB"];
  const rows = [...eventCells()].map(([name, cells]) => [name, ...cells]);
  return [header, header.map(() => "---"), ...rows].map(row).join("\n");
}

function replaceTable(text: string, firstHeader: string, table: string): string {
  const parts = text.split("\n\n");
  const at = parts.findIndex((part) => part.startsWith(`| ${firstHeader} |`));
  if (at < 0) throw new Error(`the README has no table that begins with ${firstHeader}`);
  return parts.with(at, table).join("\n\n");
}

const types = typeTable(await tryAll());
const text = readFileSync(README, "utf8");
writeFileSync(README, replaceTable(replaceTable(text, "type", types), "event", eventTable()));
