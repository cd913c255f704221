import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../src/util/errors.ts";
import { lakeTableFiles } from "./oracle-lake.ts";

async function names(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

const TIMELINE = /^(\d{17})\.(commit|commit\.requested|inflight)$/;
const BASE_FILE = /_(\d{17})\.parquet$/;

/** What a table's folder holds beyond a table whose commits have all completed and whose writer has ended. */
export async function tableLeftovers(root: string): Promise<readonly string[]> {
  const { commits } = await lakeTableFiles(root);
  const isCommit = (instant: string | undefined): boolean =>
    instant !== undefined && commits.includes(instant);
  const hoodie = join(root, ".hoodie");
  const own = [".aux", ".temp", "archived", "hoodie.properties"];
  return [
    ...(await names(root))
      .filter((name) => name !== ".hoodie" && name !== ".hoodie_partition_metadata")
      .filter((name) => !isCommit(BASE_FILE.exec(name)?.[1])),
    ...(await names(hoodie))
      .filter((name) => !own.includes(name) && !isCommit(TIMELINE.exec(name)?.[1]))
      .map((name) => `.hoodie/${name}`),
    ...(await names(join(hoodie, ".temp"))).map((name) => `.hoodie/.temp/${name}`),
    ...(await names(join(hoodie, ".aux")))
      .filter((name) => name !== "tallylake.json" && name !== "tallylake.lock")
      .map((name) => `.hoodie/.aux/${name}`),
  ];
}

/** What a state folder holds after its last process has ended in good order: nothing but the trace store. */
export async function stateLeftovers(stateDir: string): Promise<readonly string[]> {
  const kept = ["trace", "tmp"];
  return [
    ...(await names(stateDir)).filter((name) => !kept.includes(name)),
    ...(await names(join(stateDir, "tmp"))).map((name) => `tmp/${name}`),
  ];
}
