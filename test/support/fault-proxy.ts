import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { waitFor } from "./wait-for.ts";

/** Changes bytes on their way from the server to the client; `offset` counts those of this connection so far. */
export type Spoil = (chunk: Buffer, offset: number) => void;

/**
 * A TCP connection to a server that can go wrong in every way a network can: cut, swallowed without a word,
 * refused, or with damaged bytes. `await using proxy = await FaultProxy.start(port)`.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #spoil: Spoil | null = null;
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

  get port(): number {
    return this.#port;
  }

  /** Of a MySQL behind it, with the user of `url`. */
  urlFor(url: string): string {
    const there = new URL(url);
    there.port = String(this.#port);
    return there.toString();
  }

  /** From now on new connections have their bytes from the server changed; null leaves them alone again. */
  spoil(change: Spoil | null): void {
    this.#spoil = change;
  }

  /** All connections stop carrying bytes, both ways, without an end. New ones work. */
  freeze(): void {
    for (const pair of this.#pairs) pair.freeze();
  }

  /** Ends all connections. */
  cut(): void {
    for (const pair of this.#pairs) pair.destroy();
  }

  /** Nobody listens any more; connections that are there stay. */
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
    const pair = new Pair(client, connect(this.#target, "127.0.0.1"), this.#spoil);
    this.#pairs.add(pair);
    client.once("close", () => {
      this.#pairs.delete(pair);
    });
  }
}

class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  #isFrozen = false;
  #offset = 0;

  constructor(client: Socket, server: Socket, spoil: Spoil | null) {
    this.#client = client;
    this.#server = server;
    const end = (): void => {
      this.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    client.on("data", (chunk) => {
      if (!this.#isFrozen) server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (this.#isFrozen) return;
      spoil?.(chunk, this.#offset);
      this.#offset += chunk.length;
      client.write(chunk);
    });
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}
