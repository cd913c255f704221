import { open, type FileHandle } from "node:fs/promises";
import { ioError } from "./io-error.ts";

/** Linux takes 1024 parts at a time. */
const VECTORS_MAX = 1024;

/** Writes a file that only this process reads and that need not outlive it. */
export async function writeScratchFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await writeParts(file, parts);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, { action: "write", path });
  }
}

/** Writes all of the parts, one behind the other. */
export async function writeParts(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (let from = 0; from < parts.length; from += VECTORS_MAX) {
    await writeVector(file, parts.slice(from, from + VECTORS_MAX));
  }
}

/** The system may take less than it was given at a time. */
async function writeVector(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts.filter((part) => part.byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    let whole = 0;
    while (whole < rest.length && bytesWritten >= (rest[whole]?.byteLength ?? 0)) {
      bytesWritten -= rest[whole]?.byteLength ?? 0;
      whole++;
    }
    const cut = rest[whole];
    rest = cut === undefined ? [] : [cut.subarray(bytesWritten), ...rest.slice(whole + 1)];
  }
}
