import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { ioError } from "./io-error.ts";

/** Linux takes 1024 parts at a time. */
const VECTORS_MAX = 1024;

/** Writes a file that only this process reads and that need not outlive it. */
export async function writeScratchFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      for (let from = 0; from < parts.length; from += VECTORS_MAX) {
        await writeParts(file, parts.slice(from, from + VECTORS_MAX));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, { action: "write", path });
  }
}

/** All of the parts: the system may take less than it was given at a time. */
async function writeParts(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
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

/** Bytes of the longest line of a file. */
export async function longestLine(path: string): Promise<number> {
  let longest = 0;
  let current = 0;
  try {
    for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
      const bytes = part as Buffer;
      let from = 0;
      for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, from)) {
        longest = Math.max(longest, current + at + 1 - from);
        current = 0;
        from = at + 1;
      }
      current += bytes.length - from;
    }
  } catch (error) {
    throw ioError(error, { action: "read", path });
  }
  return Math.max(longest, current);
}
