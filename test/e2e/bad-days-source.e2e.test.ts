import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { Oracle, placeIn, type Place } from "../support/oracle.ts";
import type { TestConnection } from "../support/mysql-connection.ts";
import { mysqlTest } from "../support/mysql.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { PrivateMysql } from "../support/test-mysql.ts";
import { configure, failureOf, runTool, ToolRun } from "../support/tool-run.ts";

const INIT = ["init"];
const CATCH_UP = ["follow", "--until-caught-up"];

let shared: Promise<PrivateMysql> | null = null;
const oracle = Oracle.open();
afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
  await (await oracle)[Symbol.asyncDispose]();
});

mysqlTest("zz", async ({ startMysql }) => {
  shared ??= startMysql();
  const server = await shared;
  await using admin = await server.connect();
  await admin.run("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE u (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1,1),(2,2)");
  await using dir = await tempDir();
  const place = placeIn(dir.path);
  await configure(place, { url: server.url, tables: ["d.*"] });
  for (const args of [["check"], INIT, INIT, CATCH_UP, ["report", "--deep"]]) {
    const b = performance.now();
    const end = await runTool(place, args);
    console.error(args, Math.round(performance.now() - b), end.exitCode, end.out, end.log.map((l) => JSON.stringify(l)).join("\n"));
  }
  await admin.run("ALTER TABLE t ADD w INT; INSERT INTO u VALUES (4,4); DROP TABLE t; CREATE TABLE x (id INT PRIMARY KEY)");
  for (const args of [CATCH_UP, CATCH_UP]) {
    const b = performance.now();
    const end = await runTool(place, args);
    console.error(args, Math.round(performance.now() - b), end.exitCode, end.out, end.log.map((l) => JSON.stringify(l)).join("\n"));
  }
});
