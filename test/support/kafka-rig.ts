import { randomUUID } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KafkaClientName } from "../../src/channel/kafka/driver.ts";
import { seededRandom } from "../../scripts/random.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { newestPosition } from "./kafka-admin.ts";
import type { KafkaServer } from "../../scripts/kafka/server.ts";
import { must } from "../../src/util/assert.ts";
import { messageOf } from "../../src/util/errors.ts";
import { CrashRig } from "./crash-rig.ts";
import { modulesOf } from "./kafka-client.ts";
import { endText, lastWords } from "./kafka-log.ts";
import { withModules } from "./module-map.ts";
import { CRASH_TABLES, SMALL, writeTransactions } from "./crash-tables.ts";
import { KafkaProxy } from "./kafka-proxy.ts";
import type { Place } from "./oracle.ts";
import { withSteps, type StepPlan } from "./step-plan.ts";
import { TallylakeProcess } from "./tallylake-process.ts";
import {
  privateKafka,
  privateKafkaCluster,
  type PrivateKafka,
  type PrivateKafkaCluster,
} from "./test-kafka.ts";
import type { TestDatabase, TestMysql } from "./test-mysql.ts";
import { readRawTopics, topicProblems } from "./kafka-topic-check.ts";
import { waitFor } from "./wait-for.ts";

export interface KafkaRigOptions {
  readonly brokers?: 1 | 3;
  /** Of `server.properties`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Where the one broker keeps its data. */
  readonly folder?: string;
  /** What it shares with others, who close it. */
  readonly crash?: CrashRig;
}

/** Short enough for a test to see them pass, and long enough for two busy processors. */
const TIMES = {
  connectTimeout: "3s",
  requestTimeout: "3s",
  deliveryTimeout: "20s",
  transactionTimeout: "15s",
  heartbeat: "1s",
};

const LAKE = `
lake: ./lake
defaults: { buckets: 2 }
snapshot: { parallel: 2, chunkRows: 1000 }
commit: { every: 2s, rows: 500, idleEvery: 4s }
memory: { duckdb: 256MiB, queue: 4MiB }
`;

/** Few rows make a unit, so that a fault finds many of them. */
const UNIT_ROWS = 40;
/** How long the running halves may take to bring the tables to what MySQL has, when nothing is in their way. */
const SETTLE_MS = 240_000;
/** After it the lake is compared with MySQL even without a commit. */
const UNSEEN_MS_MAX = 3000;
/** Of a half that no fault ends. */
const LIFE_MS_MAX = 600_000;
/** So much is written all the time that two busy processors carry it, and each fault meets some of it. */
const WRITTEN_AT_ONCE = 2;
const PAUSE_MS = 250;
/** Of what is wrong, beside what was logged. */
const SHOWN_MAX = 10;

export type Half = "capture" | "apply";

/** What the scenarios of one file share: MySQL, brokers behind a proxy, a trace store, and the oracle. */
export class KafkaRig implements AsyncDisposable {
  readonly crash: CrashRig;
  readonly proxy: KafkaProxy;
  readonly kafka: PrivateKafka | PrivateKafkaCluster;
  readonly #paths: KafkaPath[] = [];
  readonly #isShared: boolean;
  #brokerTurn: Promise<unknown> = Promise.resolve();

  private constructor(parts: Pick<KafkaRig, "crash" | "proxy" | "kafka"> & { isShared: boolean }) {
    this.#isShared = parts.isShared;
    this.crash = parts.crash;
    this.proxy = parts.proxy;
    this.kafka = parts.kafka;
  }

  static async open(mysql: TestMysql, options: KafkaRigOptions = {}): Promise<KafkaRig> {
    const { brokers = 1, properties = {}, folder } = options;
    const proxy = await KafkaProxy.start(brokers);
    const kafka =
      brokers === 1
        ? await privateKafka({
            properties,
            advertisedPort: must(proxy.ports[0], "a port"),
            ...(folder === undefined ? {} : { folder }),
          })
        : await privateKafkaCluster({ properties, advertisedPorts: proxy.ports });
    const crash = options.crash ?? (await CrashRig.open(mysql));
    const isShared = options.crash !== undefined;
    const rig = new KafkaRig({ crash, proxy, kafka, isShared });
    proxy.lead(rig.servers.map((server) => server.port()));
    return rig;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#paths) await path[Symbol.asyncDispose]();
    if (!this.#isShared) await this.crash[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.kafka[Symbol.asyncDispose]();
  }

  get servers(): readonly KafkaServer[] {
    const { process } = this.kafka;
    return "servers" in process ? process.servers : [process];
  }

  /** The broker, where there is one. */
  get broker(): KafkaServer {
    return must(this.servers[0], "a broker");
  }

  /** Brokers are broken and mended by one path at a time. */
  async withBrokers(work: () => Promise<void>): Promise<void> {
    const turn = this.#brokerTurn.then(work);
    this.#brokerTurn = turn.catch(() => undefined);
    await turn;
  }

  /** Waits until each broker knows of all others. */
  async whole(): Promise<void> {
    const { process } = this.kafka;
    if ("untilComplete" in process) await process.untilComplete();
  }

  /** For tools: past the proxy. */
  get admin(): string {
    return this.kafka.process.admin;
  }

  async path(options: KafkaPathOptions): Promise<KafkaPath> {
    const path = await KafkaPath.begin(this, options);
    this.#paths.push(path);
    return path;
  }

  /** What is wrong in the topics of all paths so far, read by Kafka's own consumer. */
  async topicsWrong(): Promise<readonly string[]> {
    const paths = this.#paths.filter(({ isRead }) => isRead);
    if (paths.length === 0) return [];
    const raw = await readRawTopics(
      this.admin,
      paths.map(({ topics }) => topics),
    );
    return paths.flatMap(({ name, database }) =>
      topicProblems(raw, database.name).map((what) => `${name}: ${what}`),
    );
  }
}

export interface KafkaPathOptions {
  /** Of the scenario, for what is said about it. */
  readonly name: string;
  readonly seed: number;
  /** Which client the program is to use. */
  readonly client?: KafkaClientName;
  /** Of `channel.kafka`, in place of what is usual. */
  readonly channel?: Readonly<Record<string, unknown>>;
  /** Of the config, in place of the usual lake. */
  readonly lake?: string;
  /** Its topics are not to be looked at in the end: somebody else has written there. */
  readonly isForeign?: boolean;
}

/** Tables in MySQL, in the lake, and the topics between them; with the processes that carry one to the other. */
export class KafkaPath implements AsyncDisposable {
  readonly rig: KafkaRig;
  readonly name: string;
  readonly database: TestDatabase;
  readonly place: Place;
  /** What the names of its topics begin with, its transactional id, and how its clients name themselves. */
  readonly topics: string;
  readonly isRead: boolean;
  /** Where the program finds its client. */
  readonly #modules: Readonly<Record<string, string>>;
  readonly #random: () => number;
  readonly #processes: { readonly half: Half; readonly process: TallylakeProcess }[] = [];

  private constructor(
    rig: KafkaRig,
    parts: Pick<KafkaPath, "database" | "place" | "topics"> & { modules: Readonly<Record<string, string>> },
    { name, seed, isForeign = false }: KafkaPathOptions,
  ) {
    this.rig = rig;
    this.name = name;
    this.database = parts.database;
    this.place = parts.place;
    this.topics = parts.topics;
    this.isRead = !isForeign;
    this.#modules = parts.modules;
    this.#random = seededRandom(seed);
  }

  static async begin(rig: KafkaRig, options: KafkaPathOptions): Promise<KafkaPath> {
    const database = await rig.crash.database();
    const { client = "kafkajs" } = options;
    const modules = await modulesOf(client);
    const topics = `p-${randomUUID()}`;
    const kafka = {
      brokers: rig.proxy.brokers,
      client,
      clientId: topics,
      partitions: 3,
      replication: rig.servers.length,
      topic: `${topics}.{database}.{table}`,
      positionTopic: `${topics}-positions`,
      transactionalId: topics,
      ...TIMES,
      ...options.channel,
    };
    const config = `${options.lake ?? LAKE}\nchannel: ${JSON.stringify({ kafka })}\n`;
    const place = await rig.crash.place(database.name, { config });
    const path = new KafkaPath(rig, { database, place, topics, modules }, options);
    const { exitCode } = await path.runHere("init");
    if (exitCode !== 0) throw new Error(`init ended with ${exitCode}`);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#processes) await process[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }

  get positionTopic(): string {
    return `${this.topics}-positions`;
  }

  topicOf(table: string): string {
    return `${this.topics}.${this.database.name}.${table}`;
  }

  /** Commits so many random transactions. */
  write(count: number): Promise<void> {
    return writeTransactions(this.database.connection, { count, size: SMALL, random: this.#random });
  }

  /** Commits random transactions until it is disposed of. */
  writing(): AsyncDisposable {
    let isOver = false;
    const work = (async () => {
      while (!isOver) {
        await this.write(WRITTEN_AT_ONCE);
        await delay(PAUSE_MS);
      }
    })();
    work.catch(() => undefined);
    return {
      [Symbol.asyncDispose]: async () => {
        isOver = true;
        await work;
      },
    };
  }

  start(half: Half, plan: StepPlan = {}): TallylakeProcess {
    const steps = withSteps({ unitRows: UNIT_ROWS, ...plan });
    const modules = withModules(this.#modules);
    const process = TallylakeProcess.start(this.place.dir, [half, "--log-format", "json"], {
      preload: [...modules.preload, ...steps.preload],
      env: { ...modules.env, ...steps.env, ...this.rig.crash.env },
      timeoutMs: LIFE_MS_MAX,
    });
    this.#processes.push({ half, process });
    return process;
  }

  /** Writes what its processes have logged so far into its folder, for whoever looks into what went wrong. */
  async keepLogs(): Promise<void> {
    for (const [i, { half, process }] of this.#processes.entries()) {
      await writeFile(join(this.place.dir, `${String(i).padStart(2, "0")}-${half}.log`), process.stderr);
    }
  }

  /** Runs a command to its end, in this process. */
  async runHere(...args: readonly string[]): Promise<{ readonly exitCode: number | null }> {
    const { code } = await this.rig.crash.runHere(this.place, args);
    return { exitCode: code };
  }

  /** Waits until the running halves have brought the lake to what MySQL has; nobody writes meanwhile. */
  async settled(): Promise<void> {
    let seen = "";
    let seenMs = 0;
    // To compare all cells is dear, and it is of no use before the lake has changed.
    const isExact = async (): Promise<boolean> => {
      await this.#requireNoneFailed();
      const now = await this.#commits();
      if (now === seen && performance.now() - seenMs < UNSEEN_MS_MAX) return false;
      [seen, seenMs] = [now, performance.now()];
      return await this.rig.crash.isExact(this.place, this.database);
    };
    await waitFor(`${this.name}: the lake to be as MySQL`, isExact, {
      timeoutMs: SETTLE_MS,
      intervalMs: 50,
    }).catch((error: unknown) => {
      throw new Error(`${messageOf(error)}\n${lastWords(this.#last(), this.rig.servers)}`, { cause: error });
    });
  }

  /** @throws Error when the last process of a half has failed: nothing will come of waiting */
  async #requireNoneFailed(): Promise<void> {
    for (const [half, process] of this.#last()) {
      if (process.isRunning) continue;
      const end = await process.ended;
      if (end.code !== 0) throw new Error(`${half} ended by itself: ${endText(end)}`);
    }
  }

  #last(): ReadonlyMap<Half, TallylakeProcess> {
    return new Map(this.#processes.map(({ half, process }) => [half, process]));
  }

  /** The names of all commits in the lake. */
  async #commits(): Promise<string> {
    const lists = CRASH_TABLES.map(async (table) => {
      const names = await readdir(join(this.place.lakeDir, this.database.name, table, ".hoodie"));
      return names.filter((name) => name.endsWith(".commit")).join(" ");
    });
    return (await Promise.all(lists)).join("; ");
  }

  /** Waits until capture has committed everything that was written. */
  async captured(): Promise<void> {
    const executed = await this.database.value("SELECT @@global.gtid_executed");
    const target = GtidSet.parse(String(executed).replaceAll("\n", ""));
    // Brokers that have just taken over cannot say yet where a topic ends.
    const position = (): Promise<GtidSet | null> =>
      newestPosition(this.rig.admin, this.positionTopic).catch((error: unknown) => {
        if (isSyncError(error) && error.retryable) return null;
        throw error;
      });
    await waitFor(
      `${this.name}: capture to be at the end of the binlog`,
      async () => (await position())?.includes(target),
      { timeoutMs: SETTLE_MS, intervalMs: 100 },
    );
  }

  /** Waits until an apply that records its steps in this file takes no unit any more. */
  async delivered(record: string): Promise<void> {
    let before = "";
    const taken = async (): Promise<boolean> => {
      const now = await readFile(record, "utf8").catch(() => "");
      const isQuiet = now === before && now.includes("apply.unit");
      before = now;
      return isQuiet;
    };
    await waitFor(`${this.name}: apply to have taken everything`, taken, { intervalMs: 1500 });
  }

  /** Everything else of the config stays. */
  async changeConfig(from: string, to: string): Promise<void> {
    const file = join(this.place.dir, "tallylake.yaml");
    const text = await readFile(file, "utf8");
    if (!text.includes(from)) throw new RangeError(`${from} is not in the config`);
    await writeFile(file, text.replace(from, to));
  }

  /** All that is wrong with the lake, when nobody writes any more; the report of the program included. */
  wrong(): Promise<readonly string[]> {
    return this.rig.crash.judge(this.place, this.database, CRASH_TABLES);
  }

  /** The running halves catch up and are stopped; what is wrong then. */
  async finish(...processes: readonly TallylakeProcess[]): Promise<readonly string[]> {
    const found: string[] = [];
    await this.settled().catch(async (error: unknown) => {
      found.push(String(error), ...(await this.wrong()).slice(0, SHOWN_MAX));
    });
    for (const process of processes) {
      if (!process.isRunning) found.push(`it ended by itself: ${endText(await process.ended)}`);
      process.signal("SIGTERM");
    }
    for (const process of processes) {
      const end = await process.ended;
      if (end.code !== 0) found.push(`it was to end with 0: ${endText(end)}`);
    }
    return found.length > 0 ? found : this.wrong();
  }
}
