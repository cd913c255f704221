import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { must } from "../../src/util/assert.ts";
import { waitFor } from "./wait-for.ts";

/** Requests that a fault can be aimed at, by their keys in Kafka's protocol. */
export const KAFKA_API = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  EndTxn: 26,
} as const;
export type KafkaApi = keyof typeof KAFKA_API;

/** What can become of one request and its answer. */
export const STRIKES = ["lose", "cut", "refuse", "late", "slow"] as const;
/**
 *  - `lose`: the broker did it, and its answer never comes; the connection stays.
 *  - `cut`: the broker did it, and the connection ends in place of the answer.
 *  - `refuse`: the connection ends before the broker hears of it.
 *  - `late`: the connection ends, and the broker hears of it afterwards, as of a packet that took another way.
 *  - `slow`: the answer comes, but late, and with it all that is behind it.
 */
export type Strike = (typeof STRIKES)[number];

export interface Aim {
  readonly api: KafkaApi;
  readonly strike: Strike;
  /** Whose request; anybody's without it. */
  readonly clientId?: string;
  /** So many requests of the kind pass before. */
  readonly skip?: number;
  /** Of `late` and `slow`. */
  readonly ms?: number;
}

/** What was done to a request. */
export interface Struck {
  readonly api: KafkaApi;
  readonly strike: Strike;
  readonly clientId: string;
}

/** A way through the proxy, as one of its ends sees it. */
export type Direction = "toBroker" | "toClient";

const LENGTH_BYTES = 4;
const LATE_MS = 1500;
/** A request that comes late is answered to nobody, in this time. */
const LATE_ANSWER_MS = 500;

interface Armed {
  readonly aim: Aim;
  left: number;
  readonly struck: (what: Struck) => void;
}

/**
 * Stands between clients and the brokers of a cluster, and knows Kafka's framing: so it can take away the one answer
 * that a test wants to be lost, and leave all others alone. It can also do to the connections what a network can: end
 * them, hold them up one way or both, make them slow. A broker must advertise the port that stands for it here.
 */
export class KafkaProxy implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #targets: number[] = [];
  readonly #links = new Set<Link>();
  readonly #armed: Armed[] = [];
  readonly #holes = new Map<Direction, Promise<void>>();
  #latencyMs = 0;

  private constructor() {}

  /** Listens for so many brokers. */
  static async start(brokers = 1): Promise<KafkaProxy> {
    const proxy = new KafkaProxy();
    for (let i = 0; i < brokers; i++) {
      const server = createServer((client) => {
        proxy.#accept(i, client);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      proxy.#servers.push(server);
    }
    return proxy;
  }

  /** For each broker the one that its clients are to be told. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  /** What a client is given to begin with. */
  get brokers(): readonly string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`);
  }

  /** Where the brokers really listen. */
  lead(ports: readonly number[]): void {
    this.#targets.splice(0, Infinity, ...ports);
  }

  /** Connections at this moment. */
  get open(): number {
    return this.#links.size;
  }

  /** Strikes the next request that fits; tells when it did. */
  arm(aim: Aim): Promise<Struck> {
    return new Promise((struck) => this.#armed.push({ aim, left: aim.skip ?? 0, struck }));
  }

  /** What is armed for this client, and for anybody, strikes no more. */
  disarm(clientId: string): void {
    const others = this.#armed.filter(({ aim }) => aim.clientId !== undefined && aim.clientId !== clientId);
    this.#armed.splice(0, Infinity, ...others);
  }

  /** Ends all connections, or those of this client; new ones work. */
  cut(clientId: string | null = null): void {
    for (const link of this.#links) if (clientId === null || link.clientId === clientId) link.destroy();
  }

  /** What goes these ways is held up until the returned function is called, and then arrives, if it still can. */
  hole(...ways: readonly Direction[]): () => void {
    const held = Promise.withResolvers<undefined>();
    for (const way of ways) this.#holes.set(way, held.promise);
    return () => {
      for (const way of ways) this.#holes.delete(way);
      held.resolve(undefined);
    };
  }

  /** Of everything that comes from now on, each way. */
  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    this.cut();
    await Promise.all(closed);
    await waitFor("the proxy's connections to end", () => this.#links.size === 0);
  }

  #accept(broker: number, client: Socket): void {
    const target = must(this.#targets[broker], "where the broker listens");
    const link = new Link(client, connect(target, "127.0.0.1"), {
      aimAt: (api, clientId) => this.#aimAt(api, clientId),
      latencyMs: () => this.#latencyMs,
      hole: (way) => this.#holes.get(way) ?? null,
    });
    this.#links.add(link);
    client.once("close", () => {
      this.#links.delete(link);
    });
  }

  #aimAt(key: number, clientId: string): Armed | null {
    const armed = this.#armed.find(
      ({ aim }) => KAFKA_API[aim.api] === key && (aim.clientId ?? clientId) === clientId,
    );
    if (armed === undefined) return null;
    if (armed.left-- > 0) return null;
    this.#armed.splice(this.#armed.indexOf(armed), 1);
    return armed;
  }
}

interface LinkOptions {
  /** What becomes of a client's request with this key; null: nothing. */
  readonly aimAt: (key: number, clientId: string) => Armed | null;
  readonly latencyMs: () => number;
  readonly hole: (way: Direction) => Promise<void> | null;
}

/** One connection of a client and the one to the broker that belongs to it. */
class Link {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #options: LinkOptions;
  /** Of answers that do not simply pass, by the number that their requests had. */
  readonly #awaited = new Map<number, Aim>();
  readonly #requests: Lane;
  readonly #answers: Lane;
  /** As its requests name it; null before the first one. */
  clientId: string | null = null;
  /** The client is gone, and the broker is still to hear of something. */
  #isHalf = false;

  constructor(client: Socket, broker: Socket, options: LinkOptions) {
    this.#client = client;
    this.#broker = broker;
    this.#options = options;
    this.#requests = new Lane(broker, () => options.hole("toBroker"), options.latencyMs);
    this.#answers = new Lane(client, () => options.hole("toClient"), options.latencyMs);
    const requests = new Frames();
    const answers = new Frames();
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#end());
      socket.on("close", () => this.#end());
    }
    client.on("data", (chunk) => {
      for (const frame of requests.push(chunk)) this.#request(frame);
    });
    broker.on("data", (chunk) => {
      for (const frame of answers.push(chunk)) this.#answer(frame);
    });
  }

  destroy(): void {
    this.#client.destroy();
    this.#broker.destroy();
  }

  #end(): void {
    if (this.#isHalf) this.#client.destroy();
    else this.destroy();
  }

  #request(frame: Buffer): void {
    // Behind one that is to come late nothing follows: the client has no connection any more.
    if (this.#isHalf) return;
    const idLength = frame.readInt16BE(LENGTH_BYTES + 8);
    const clientId = frame.toString("utf8", LENGTH_BYTES + 10, LENGTH_BYTES + 10 + Math.max(0, idLength));
    this.clientId = clientId;
    const armed = this.#options.aimAt(frame.readInt16BE(LENGTH_BYTES), clientId);
    if (armed === null) {
      this.#requests.send(frame);
      return;
    }
    const { aim, struck } = armed;
    if (aim.strike === "refuse") this.destroy();
    else if (aim.strike === "late") this.#later(frame, aim);
    else {
      this.#awaited.set(frame.readInt32BE(LENGTH_BYTES + 4), aim);
      this.#requests.send(frame);
    }
    struck({ api: aim.api, strike: aim.strike, clientId });
  }

  #later(frame: Buffer, { ms = LATE_MS }: Aim): void {
    this.#isHalf = true;
    this.#client.destroy();
    setTimeout(() => {
      this.#broker.write(frame);
      setTimeout(() => this.#broker.destroy(), LATE_ANSWER_MS).unref();
    }, ms).unref();
  }

  #answer(frame: Buffer): void {
    const number = frame.readInt32BE(LENGTH_BYTES);
    const aim = this.#awaited.get(number);
    this.#awaited.delete(number);
    if (aim?.strike === "cut") this.destroy();
    else if (aim?.strike !== "lose") this.#answers.send(frame, aim === undefined ? 0 : (aim.ms ?? LATE_MS));
  }
}

/** One way of a connection: what it carries keeps its order, whatever holds it up. */
class Lane {
  readonly #to: Socket;
  readonly #hole: () => Promise<void> | null;
  readonly #latencyMs: () => number;
  #tail: Promise<void> = Promise.resolve();

  constructor(to: Socket, hole: () => Promise<void> | null, latencyMs: () => number) {
    this.#to = to;
    this.#hole = hole;
    this.#latencyMs = latencyMs;
  }

  send(frame: Buffer, afterMs = 0): void {
    const dueMs = performance.now() + this.#latencyMs() + afterMs;
    this.#tail = this.#tail.then(async () => {
      await this.#hole();
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      if (!this.#to.destroyed) this.#to.write(frame);
    });
  }
}

/** Cuts a stream of bytes into requests or answers, each with its length in front. */
class Frames {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<Buffer> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) return;
      const frame = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield frame;
    }
  }
}
