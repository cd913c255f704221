import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { must } from "../../src/util/assert.ts";
import { stderrNotice, type Notice } from "../process/notice.ts";
import { WatchedProcess } from "../process/watched-process.ts";
import { setupError } from "../setup-error.ts";
import { brokerArgs, logPathOf, prepareBroker, untilUp } from "./broker-process.ts";
import type { KafkaSettings } from "./broker-properties.ts";
import { newKafkaId } from "./data-folder.ts";
import { onFreePorts } from "./free-ports.ts";
import { installKafka } from "./install.ts";
import type { KafkaInstall } from "./jars.ts";
import { advertisedAddress, LOOPBACK, type BoundListener } from "./listener.ts";
import { listenersOr, placeNode, portCount, type KafkaNode } from "./node.ts";

/*
 * Real Kafka brokers for tests, benchmarks and the quickstart, without Docker and without root. A broker listens on
 * 127.0.0.1 only and is a controller as well, so it needs nobody else. Any number of them run side by side, each in a
 * folder of its own; `KafkaCluster` makes three of them one.
 *
 * A broker never outlives the process that started it, not even after a `kill -9`: see WatchedProcess. One without a
 * `folder` of its own leaves no data behind either.
 *
 * Beside the listeners for clients there is one without protection on which brokers talk to each other, and on which
 * tests look after the broker: its address is `admin`. It never leads through a proxy.
 */

const STOP_MS_MAX = 60_000;

/** What is the same for a lone broker and for those of a cluster. */
export interface KafkaOptions extends KafkaSettings {
  /** For the JVM, after ours, so they win: `-Xmx1g`, or `-XX:TieredStopAtLevel=4` for the full speed of a long run. */
  readonly jvmFlags?: readonly string[];
  readonly notice?: Notice;
}

export interface KafkaServerOptions extends KafkaOptions {
  /** Of the first listener. Default: any free port. It stays the same across restarts. */
  readonly port?: number;
  /** The port of the first listener that clients are told, for a proxy that stands between. Default: its own. */
  readonly advertisedPort?: number;
  /** Is kept; made when absent. Default: a temporary one that ends with the server. */
  readonly folder?: string;
}

/** What makes a broker a part of a cluster. */
export interface ClusterPlace {
  readonly clusterId: string;
  readonly node: KafkaNode;
  /** All of the cluster. */
  readonly nodes: readonly KafkaNode[];
}

interface Parts {
  readonly install: KafkaInstall;
  readonly place: ClusterPlace;
  readonly folder: string;
  readonly isTemporary: boolean;
  readonly options: KafkaOptions;
}

export class KafkaServer implements AsyncDisposable {
  readonly id: number;
  readonly #parts: Parts;
  #properties: Readonly<Record<string, string>>;
  #process: WatchedProcess | null = null;
  /** A broker that was never up has nothing that is worth a look, and is removed. */
  #wasUp = false;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#properties = parts.options.properties ?? {};
    this.id = parts.place.node.id;
  }

  /** Brings Kafka into the cache unless it is there; its version. Starting a broker does this as well. */
  static async install(notice: Notice = stderrNotice): Promise<string> {
    return (await installKafka(notice)).version;
  }

  /** Starts a broker that is a cluster of its own. */
  static async start(options: KafkaServerOptions = {}): Promise<KafkaServer> {
    const listeners = listenersOr(options.listeners);
    const given = options.port === undefined ? [] : [options.port];
    return onFreePorts(portCount(listeners) - given.length, (free) => {
      const ports = [...given, ...free];
      const node = placeNode({ id: 1, listeners, ports, advertisedPort: options.advertisedPort });
      return KafkaServer.join({ clusterId: newKafkaId(), node, nodes: [node] }, options);
    });
  }

  /** Starts one broker of a cluster; it is up when enough of the others are there. */
  static async join(
    place: ClusterPlace,
    options: KafkaOptions & Pick<KafkaServerOptions, "folder">,
  ): Promise<KafkaServer> {
    const install = await installKafka(options.notice ?? stderrNotice);
    const isTemporary = options.folder === undefined;
    const folder = resolve(options.folder ?? (await mkdtemp(join(tmpdir(), "tallylake-kafka-"))));
    try {
      const server = new KafkaServer({ install, place, folder, isTemporary, options });
      await server.start();
      return server;
    } catch (error) {
      if (isTemporary) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What a client is given to begin with: `host:port` of the first listener, or of the named one, as advertised. */
  brokers(listener?: string): readonly string[] {
    return [advertisedAddress(this.#listener(listener))];
  }

  /** Of the first listener, or of the named one, whatever is advertised. */
  port(listener?: string): number {
    return this.#listener(listener).port;
  }

  /** `host:port` of the listener without protection, for tools and for tests that look after the broker. */
  get admin(): string {
    return `${LOOPBACK}:${this.internalPort}`;
  }

  get internalPort(): number {
    return this.#parts.place.node.internalPort;
  }

  /** Of the JVM, for its CPU time and memory under /proc. */
  get pid(): number {
    return must(this.#process, "running broker").pid;
  }

  get running(): boolean {
    return this.#process?.alive ?? false;
  }

  /** Where its data, its properties and its log lie. */
  get folder(): string {
    return this.#parts.folder;
  }

  get logPath(): string {
    return logPathOf(this.folder);
  }

  /** What it has logged so far: warnings and errors. */
  async log(): Promise<string> {
    return readFile(this.logPath, "utf8");
  }

  /**
   * Starts the stopped or killed broker again, on the same ports and data. These properties are added, for later
   * starts too. Resolves when it takes part in its cluster.
   */
  async start(properties: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.running) return;
    const { install, place, folder, isTemporary, options } = this.#parts;
    this.#properties = { ...this.#properties, ...properties };
    const settings = { ...options, properties: this.#properties };
    const clusterId = await prepareBroker(folder, { ...place, install, settings });
    const started = await WatchedProcess.start({
      command: install.java.command,
      args: brokerArgs({ install, folder, jvmFlags: options.jvmFlags ?? [] }),
      logPath: this.logPath,
      removeWhenOrphaned: isTemporary ? folder : null,
    });
    this.#process = started;
    const isLogKept = this.#wasUp || !isTemporary;
    try {
      await untilUp({ node: place.node, clusterId, folder, isLogKept, alive: () => started.alive });
      this.#wasUp = true;
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** A clean shutdown; the data stays for `start`. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running === null) return;
    running.signal("SIGTERM");
    running.signal("SIGCONT");
    if (!(await running.waitForEnd(STOP_MS_MAX))) {
      running.signal("SIGKILL");
      throw setupError(`Kafka broker ${this.id} did not stop within ${STOP_MS_MAX / 1000} s`, {
        hint: `see ${this.logPath}; it has been killed`,
      });
    }
    this.#process = null;
  }

  /** What a crash of the broker is like (SIGKILL); the data stays for `start`. */
  async kill(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.waitForEnd(STOP_MS_MAX);
    this.#process = null;
  }

  /** Stops its clock: connections stay open, and nothing is answered. */
  pause(): void {
    must(this.#process, "running broker").signal("SIGSTOP");
  }

  resume(): void {
    must(this.#process, "running broker").signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#parts.isTemporary) {
      await this.stop();
      return;
    }
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  #listener(name: string | undefined): BoundListener {
    const { listeners } = this.#parts.place.node;
    const found = name === undefined ? listeners[0] : listeners.find((one) => one.name === name);
    return must(found, `listener ${name ?? "at all"}`);
  }
}
