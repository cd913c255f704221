import type { TestProject } from "vitest/node";
import type { MysqlServer } from "../../scripts/mysql/server.ts";
import type {} from "./mysql.ts";
import { startSharedMysql, type SharedMysql } from "./mysql-shared.ts";

interface Started {
  readonly shared: SharedMysql;
  readonly server: MysqlServer | null;
}

interface Holder {
  started: Promise<Started> | null;
  projects: number;
}

// Each project loads this module anew, and all of them shall share one server.
const KEY = Symbol.for("tallylake.test.mysql");
const place = globalThis as { [KEY]?: Holder | undefined };
const holder = place[KEY] ?? { started: null, projects: 0 };
place[KEY] = holder;

export async function setup(project: TestProject): Promise<void> {
  holder.projects++;
  holder.started ??= startSharedMysql();
  project.provide("mysql", (await holder.started).shared);
}

export async function teardown(): Promise<void> {
  holder.projects--;
  if (holder.projects > 0) return;
  const started = await holder.started;
  holder.started = null;
  await started?.server?.[Symbol.asyncDispose]();
}
