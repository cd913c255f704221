import { createHash } from "node:crypto";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A socket's path must fit into 108 bytes, the final NUL included. */
const PATH_BYTES_MAX = 100;

/**
 * Where the daemon of a state folder listens: a socket in the file system, which no other machine reaches and
 * which the rights of its folder keep to this user. A path that is too long for one is replaced by a name made
 * from it, in a folder of the user's own.
 */
export function daemonSocketPath(stateDir: string): string {
  const path = join(stateDir, "daemon.sock");
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path;
  const name = createHash("sha256").update(stateDir).digest("hex").slice(0, 24);
  return join(tmpdir(), `tallylake-${userInfo().uid}`, `${name}.sock`);
}
