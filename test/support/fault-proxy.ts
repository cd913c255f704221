import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { waitFor } from "./wait-for.ts";

/** What happens to a new connection once that many bytes have come from the server. */
export interface Limit {
  readonly bytes: number;
  readonly then: "cut" | "freeze";
}

/** The first byte of the command that asks MySQL for its binlog by GTIDs. */
const BINLOG_DUMP_GTID = 0x1e;
const HEADER_BYTES = 4;

/**
 * A TCP connection to a MySQL server that can go wrong in every way a network can: cut, swallowed without a
 * word, refused, led elsewhere, or with damaged bytes. `await using proxy = await FaultProxy.start(port)`.
 */
export class FaultProxy implements AsyncDisposable {
  #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #limit: Limit | null = null;
  #dumpDelayMs = 0;
  #damageIn: number | null = null;
  #damagedText: string | null = null;
  /** Connections that were opened so far. */
  opened = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  static async start(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.allow();
    return proxy;
  }

  /** The URL of the server, by way of the proxy. */
  urlFor(url: string): string {
    const there = new URL(url);
    there.port = String(this.#port);
    return there.toString();
  }

  /** Flips a bit of a binlog stream: of the byte that comes so many from now. */
  damage(bytesFromNow: number): void {
    this.#damageIn = bytesFromNow;
  }

  /** Whether the bit was flipped. */
  get isDamaged(): boolean {
    return this.#damageIn === null;
  }

  /** Flips a bit of this text wherever a binlog stream carries it, as a damaged disk of the server would. */
  damageText(text: string): void {
    this.#damagedText = text;
  }

  /** Of new connections; null leaves them alone again. */
  limit(limit: Limit | null): void {
    this.#limit = limit;
  }

  /** Answers to new requests for the binlog begin so late, as those of a server that looks for the place do. */
  delayDump(ms: number): void {
    this.#dumpDelayMs = ms;
  }

  /** New connections lead there. */
  redirect(target: number): void {
    this.#target = target;
  }

  /** All connections stop carrying bytes, both ways, without an end. New ones work. */
  freeze(): void {
    for (const pair of this.#pairs) pair.freeze();
  }

  /** Ends all connections. */
  cut(): void {
    for (const pair of this.#pairs) pair.destroy();
  }

  /** Ends all connections, and nobody listens any more. */
  async refuse(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.cut();
    });
  }

  /** Listens again, on the same port. */
  async allow(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    if (this.#server.listening) await this.refuse();
    await waitFor("the proxy's connections to end", () => this.#pairs.size === 0);
  }

  #accept(client: Socket): void {
    this.opened++;
    const pair = new Pair(client, connect(this.#target, "127.0.0.1"), {
      limit: this.#limit,
      dumpDelayMs: () => this.#dumpDelayMs,
      damage: (chunk, isSpared) => {
        this.#spoil(chunk, isSpared);
        this.#spoilText(chunk);
      },
    });
    this.#pairs.add(pair);
    client.once("close", () => {
      this.#pairs.delete(pair);
    });
  }

  #spoil(chunk: Buffer, isSpared: (at: number) => boolean): void {
    if (this.#damageIn === null) return;
    let at = this.#damageIn;
    while (at < chunk.length && isSpared(at)) at++;
    if (at >= chunk.length) {
      this.#damageIn = at - chunk.length;
      return;
    }
    flipBit(chunk, at);
    this.#damageIn = null;
  }

  #spoilText(chunk: Buffer): void {
    if (this.#damagedText === null) return;
    const at = chunk.indexOf(this.#damagedText);
    if (at >= 0) flipBit(chunk, at);
  }
}

function flipBit(bytes: Buffer, at: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
}

interface Faults {
  readonly limit: Limit | null;
  readonly dumpDelayMs: () => number;
  readonly damage: (chunk: Buffer, isSpared: (at: number) => boolean) => void;
}

class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faults: Faults;
  #isFrozen = false;
  #isDump = false;
  #bytes = 0;
  /** Bytes until the next packet of the stream begins. */
  #untilPacket = 0;

  constructor(client: Socket, server: Socket, faults: Faults) {
    this.#client = client;
    this.#server = server;
    this.#faults = faults;
    const end = (): void => {
      this.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    client.on("data", (chunk) => {
      if (chunk[HEADER_BYTES] === BINLOG_DUMP_GTID) this.#beginDump();
      if (!this.#isFrozen) server.write(chunk);
    });
    server.on("data", (chunk) => {
      this.#forward(chunk);
    });
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #beginDump(): void {
    this.#isDump = true;
    const delayMs = this.#faults.dumpDelayMs();
    if (delayMs === 0) return;
    this.#server.pause();
    setTimeout(() => this.#server.resume(), delayMs);
  }

  #forward(chunk: Buffer): void {
    if (this.#isFrozen) return;
    if (this.#isDump) this.#faults.damage(chunk, this.#numberBytes(chunk));
    const { limit } = this.#faults;
    const room = limit === null ? chunk.length : limit.bytes - this.#bytes;
    this.#bytes += chunk.length;
    this.#client.write(chunk.subarray(0, Math.max(0, room)));
    if (limit === null || this.#bytes < limit.bytes) return;
    if (limit.then === "freeze") this.freeze();
    else this.#client.end(() => this.destroy());
  }

  /**
   * Where in a chunk the running numbers of packets stand. The MySQL driver complains of a wrong one on the
   * console and takes the packet all the same, so there is nothing to see in damaging it.
   */
  #numberBytes(chunk: Buffer): (at: number) => boolean {
    const found = new Set<number>();
    let at = this.#untilPacket;
    while (at + HEADER_BYTES <= chunk.length) {
      found.add(at + 3);
      at += HEADER_BYTES + chunk.readUIntLE(at, 3);
    }
    // A header that is cut in two is not looked at: what follows is only less exact.
    this.#untilPacket = Math.max(0, at - chunk.length);
    return (place) => found.has(place);
  }
}
