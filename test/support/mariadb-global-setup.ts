import type { TestProject } from "vitest/node";
import type {} from "./mariadb.ts";
import { MARIADB_VERSIONS, privateMariadb } from "./mariadb-servers.ts";
import type { PrivateMysql } from "./test-mysql.ts";

let servers: readonly PrivateMysql[] = [];

/** One server of each version, which all tests of the project share. */
export async function setup(project: TestProject): Promise<void> {
  servers = await Promise.all(MARIADB_VERSIONS.map((version) => privateMariadb(version)));
  const [old, recent] = servers;
  project.provide("mariadb", { "10.11": old?.url ?? "", "11.4": recent?.url ?? "" });
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
}
