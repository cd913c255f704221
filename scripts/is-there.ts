import { access } from "node:fs/promises";
import { codeOf } from "../src/util/errors.ts";

/** Whether a file or folder of this name exists; any other trouble with it is thrown. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
