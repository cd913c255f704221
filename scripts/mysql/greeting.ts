import { once } from "node:events";
import { createConnection } from "node:net";
import { setupError } from "../setup-error.ts";

const PROTOCOL_VERSION = 10;
const ERROR_PACKET = 0xff;
const TIMEOUT_MS = 2000;

/**
 * The version that a MySQL server on this loopback port announces, or null while none answers there.
 * The first packet of the protocol is enough: a server sends it only when it accepts sessions.
 *
 * @throws SyncError (SETUP) when it answers with an error.
 */
export async function serverGreeting(port: number): Promise<string | null> {
  const socket = createConnection({ host: "127.0.0.1", port });
  let packet: Buffer;
  try {
    [packet] = (await once(socket, "data", { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer];
  } catch {
    // Whatever went wrong on the way, it did not answer; the caller knows until when to ask again.
    return null;
  } finally {
    socket.on("error", () => undefined);
    socket.destroy();
  }
  return greetingVersion(packet);
}

/**
 * The version in a server's first packet: three bytes of length, a sequence number, the protocol
 * version, a NUL-terminated text. A server that refuses sends an error packet instead: 0xff, two
 * bytes of error number, a text.
 */
export function greetingVersion(packet: Buffer): string {
  const end = packet.indexOf(0, 5);
  if (packet[4] === PROTOCOL_VERSION && end > 5) return packet.toString("latin1", 5, end);
  const said = packet[4] === ERROR_PACKET ? packet.toString("utf8", 7) : packet.toString("hex", 0, 40);
  throw setupError(`the server answers, but not with a MySQL greeting: ${said}`, {
    hint: "see its error log, or choose another port",
  });
}
