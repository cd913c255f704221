import { createConnection } from "node:net";
import { LOOPBACK } from "./listener.ts";

const METADATA = 3;
/** The first one with the id of the cluster; brokers know it as long as there have been transactions. */
const METADATA_VERSION = 2;
const TIMEOUT_MS = 2000;

export interface ClusterMetadata {
  readonly clusterId: string | null;
  /** Those that take part, as far as the one that was asked knows. */
  readonly brokerIds: readonly number[];
}

/**
 * What the broker on this loopback port says of its cluster, or null while none answers there. A port that is open
 * says little: a broker listens long before it has joined, and only this request shows when it has. The listener
 * must be one without protection.
 */
export async function clusterMetadata(port: number): Promise<ClusterMetadata | null> {
  const socket = createConnection({ host: LOOPBACK, port });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  socket.write(metadataRequest());
  const received: Buffer[] = [];
  try {
    for await (const chunk of socket) {
      received.push(chunk as Buffer);
      const answer = metadataOf(Buffer.concat(received));
      if (answer !== null) return answer;
    }
  } catch {
    // Whatever went wrong on the way, it did not answer; the caller knows until when to ask again.
  } finally {
    socket.destroy();
  }
  return null;
}

/** Asks for no topic, only for the brokers. Number, version, correlation id, no client id, no topics. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(4 + 14);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt16BE(-1, 12);
  return request;
}

/**
 * Reads an answer; null while it is not there as a whole. A length, the correlation id, then for each broker its id,
 * host, port and rack, then the id of the cluster; what follows does not matter. Texts have a length of two bytes,
 * which is -1 for null.
 */
export function metadataOf(bytes: Buffer): ClusterMetadata | null {
  if (bytes.length < 4 || bytes.length < 4 + bytes.readInt32BE(0)) return null;
  let at = 8;
  const text = (): string | null => {
    const length = bytes.readInt16BE(at);
    const from = at + 2;
    at = from + Math.max(0, length);
    return length < 0 ? null : bytes.toString("utf8", from, at);
  };
  const brokerIds: number[] = [];
  const count = bytes.readInt32BE(at);
  at += 4;
  for (let n = 0; n < count; n++) {
    brokerIds.push(bytes.readInt32BE(at));
    at += 4;
    text();
    at += 4;
    text();
  }
  return { clusterId: text(), brokerIds };
}
