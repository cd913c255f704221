import { setTimeout as delay } from "node:timers/promises";
import type { Aim, Direction, KafkaApi, Strike } from "./kafka-proxy.ts";
import { endText, logOf } from "./kafka-log.ts";
import { must } from "../../src/util/assert.ts";
import type { Half, KafkaPath } from "./kafka-rig.ts";
import type { TallylakeProcess } from "./tallylake-process.ts";

type Victim = Half | "broker";

/** What happens to a path while changes go through it. */
export type KafkaFault =
  /** One request of a kind, or the answer to it. */
  | { readonly kind: "answer"; readonly api: KafkaApi; readonly strike: Strike }
  /** `kill -9`; each starts again at once, and is killed again so long after that. */
  | { readonly kind: "kill"; readonly whom: readonly Victim[]; readonly againMs: number | null }
  | { readonly kind: "pause"; readonly whom: Victim; readonly ms: number }
  /** Somebody starts a second capture while the first one works, or stands still and wakes up so long after that. */
  | { readonly kind: "takeover"; readonly wakeMs: number | null }
  /** One broker of several is killed and comes back when others lead in its place. */
  | { readonly kind: "leader"; readonly broker: number }
  | { readonly kind: "cut" }
  | { readonly kind: "hole"; readonly ways: readonly Direction[]; readonly ms: number }
  | { readonly kind: "latency"; readonly perFrameMs: number; readonly ms: number };

export function formatFault(fault: KafkaFault): string {
  switch (fault.kind) {
    case "answer":
      return `${fault.strike} ${fault.api}`;
    case "kill": {
      const again = fault.againMs === null ? "" : `, again after ${fault.againMs} ms`;
      return `kill ${fault.whom.join(" and ")}${again}`;
    }
    case "pause":
      return `pause ${fault.whom} for ${fault.ms} ms`;
    case "takeover":
      return `a second capture${fault.wakeMs === null ? "" : `, the first wakes up after ${fault.wakeMs} ms`}`;
    case "leader":
      return `kill broker ${fault.broker + 1}, others lead`;
    case "cut":
      return "cut all connections";
    case "hole":
      return `nothing goes ${fault.ways.join(" and ")} for ${fault.ms} ms`;
    case "latency":
      return `${fault.perFrameMs} ms each way for ${fault.ms} ms`;
  }
}

const APIS: readonly KafkaApi[] = [
  ...(["Produce", "EndTxn", "AddPartitionsToTxn", "InitProducerId", "Fetch"] as const),
  ...(["Metadata", "ListOffsets", "FindCoordinator"] as const),
];
const STRIKES: readonly Strike[] = ["lose", "cut", "refuse", "late", "slow"];
const VICTIMS: readonly (readonly Victim[])[] = [
  ["capture"],
  ["apply"],
  ["capture", "apply"],
  ["broker"],
  ["broker", "capture"],
  ["broker", "apply"],
];
const WAYS: readonly (readonly Direction[])[] = [["toBroker"], ["toClient"], ["toBroker", "toClient"]];
const AGAIN_MS_MAX = 4000;
const PAUSE_MS_MAX = 5000;
/** Of faults where there are several brokers. */
const LEADER_PART = 0.25;
/** After it another broker leads what the one that was killed did lead. */
const MOVED_MS = 5000;

/** Faults whose choice depends on the random numbers alone. */
export function chooseFaults(random: () => number, count: number, brokers = 1): readonly KafkaFault[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const one = (): KafkaFault => {
    if (brokers > 1 && random() < LEADER_PART) return { kind: "leader", broker: below(brokers) };
    const dice = random();
    if (dice < 0.5) return { kind: "answer", api: pick(APIS), strike: pick(STRIKES) };
    if (dice < 0.75) {
      return { kind: "kill", whom: pick(VICTIMS), againMs: random() < 0.5 ? null : below(AGAIN_MS_MAX) };
    }
    if (dice < 0.83) {
      return { kind: "pause", whom: pick(["capture", "apply", "broker"]), ms: below(PAUSE_MS_MAX) };
    }
    if (dice < 0.88) return { kind: "takeover", wakeMs: random() < 0.5 ? null : below(PAUSE_MS_MAX) };
    if (dice < 0.92) return { kind: "cut" };
    if (dice < 0.97) return { kind: "hole", ways: pick(WAYS), ms: 500 + below(4000) };
    return { kind: "latency", perFrameMs: 20 + below(80), ms: 2000 };
  };
  return Array.from({ length: count }, one);
}

/** Requests that capture sends only when it begins anew. */
const OF_A_BEGINNING: ReadonlySet<KafkaApi> = new Set([
  ...(["InitProducerId", "ListOffsets", "FindCoordinator", "Metadata"] as const),
]);
/** Every request of a kind comes within this time, or the fault is left out. */
const STRUCK_MS_MAX = 15_000;
const FENCED_MS_MAX = 60_000;
const FENCED_CODE = 69;

/** Lets faults happen to a path, one after the other, and mends what they broke. */
export class KafkaNemesis {
  readonly #path: KafkaPath;
  readonly #halves: Record<Half, TallylakeProcess>;
  /** What went wrong that was no part of a fault. */
  readonly wrong: string[] = [];
  /** Faults that did not happen, since nothing was there that they could have happened to. */
  readonly missed: string[] = [];
  /** Which fault was let happen when, and whether it did. */
  readonly story: string[] = [];
  happened = 0;

  constructor(path: KafkaPath) {
    this.#path = path;
    this.#halves = { capture: path.start("capture"), apply: path.start("apply") };
  }

  get capture(): TallylakeProcess {
    return this.#halves.capture;
  }

  get apply(): TallylakeProcess {
    return this.#halves.apply;
  }

  /** Waits until both halves work. */
  async ready(): Promise<void> {
    await this.#path.write(3);
    await this.#path.settled();
  }

  async let(fault: KafkaFault): Promise<void> {
    const missed = this.missed.length;
    this.#tell(formatFault(fault));
    await this.#let(fault);
    if (this.missed.length === missed) this.happened++;
    else this.#tell("it met nobody");
    await this.#requireAlive(formatFault(fault));
  }

  /** Everything runs again; what is wrong when all has been carried. */
  async finish(): Promise<readonly string[]> {
    this.#path.rig.proxy.disarm(this.#path.topics);
    this.#tell("the end");
    const found = await this.#path.finish(this.capture, this.apply);
    return [...this.wrong, ...found];
  }

  #tell(what: string): void {
    this.story.push(`${new Date().toISOString()} ${what}`);
  }

  async #let(fault: KafkaFault): Promise<void> {
    const { rig } = this.#path;
    const { proxy } = rig;
    switch (fault.kind) {
      case "answer":
        return this.#strike(fault);
      case "kill":
        if (!fault.whom.includes("broker")) return this.#kill(fault.whom, fault.againMs);
        return rig.withBrokers(() => this.#kill(fault.whom, fault.againMs));
      case "pause":
        return this.#pause(fault.whom, fault.ms);
      case "takeover":
        return this.#takeOver(fault.wakeMs);
      case "leader":
        return rig.withBrokers(() => this.#moveLeaders(fault.broker));
      case "cut":
        proxy.cut();
        return;
      case "hole": {
        const fill = proxy.hole(...fault.ways);
        await delay(fault.ms);
        fill();
        return;
      }
      case "latency":
        proxy.latency(fault.perFrameMs);
        await delay(fault.ms);
        proxy.latency(0);
    }
  }

  async #strike({ api, strike }: Aim): Promise<void> {
    const { rig, topics: clientId } = this.#path;
    const { proxy } = rig;
    const struck = proxy.arm({ api, strike, clientId });
    const begun = OF_A_BEGINNING.has(api) ? proxy.arm({ api: "EndTxn", strike: "cut", clientId }) : null;
    const inTime = await Promise.race([struck, delay(STRUCK_MS_MAX, null, { ref: false })]);
    if (inTime === null) this.missed.push(`${strike} ${api}`);
    proxy.disarm(clientId);
    await Promise.race([begun, delay(0)]);
  }

  async #pause(whom: Victim, ms: number): Promise<void> {
    if (whom === "broker") {
      const { rig } = this.#path;
      return rig.withBrokers(async () => {
        rig.broker.pause();
        await delay(ms);
        rig.broker.resume();
      });
    }
    this.#halves[whom].signal("SIGSTOP");
    await delay(ms);
    this.#halves[whom].signal("SIGCONT");
  }

  async #kill(whom: readonly Victim[], againMs: number | null): Promise<void> {
    await Promise.all(whom.map((victim) => this.#killOne(victim)));
    await Promise.all(whom.map((victim) => this.#start(victim)));
    if (againMs === null) return;
    await delay(againMs);
    await this.#kill(whom, null);
  }

  async #killOne(victim: Victim): Promise<void> {
    if (victim === "broker") {
      await this.#path.rig.broker.kill();
      return;
    }
    const half = this.#halves[victim];
    if (!half.isRunning) this.wrong.push(`${victim} ended by itself: ${endText(await half.ended)}`);
    half.signal("SIGKILL");
    await half.ended;
  }

  async #start(victim: Victim): Promise<void> {
    if (victim === "broker") await this.#path.rig.broker.start();
    else this.#halves[victim] = this.#path.start(victim);
  }

  async #moveLeaders(broker: number): Promise<void> {
    const { rig } = this.#path;
    const server = must(rig.servers[broker], "a broker of this number");
    await server.kill();
    await delay(MOVED_MS);
    await server.start();
    await rig.whole();
  }

  /**
   * One of them fences the other off, which says so. The first one may be the last to open its producer, when it was
   * still starting or stood still.
   */
  async #takeOver(wakeMs: number | null): Promise<void> {
    const first = this.#halves.capture;
    if (wakeMs !== null) first.signal("SIGSTOP");
    const second = this.#path.start("capture");
    if (wakeMs !== null) {
      await delay(wakeMs);
      first.signal("SIGCONT");
    }
    const both = [first, second] as const;
    const ends = both.map(async (one) => ({ one, end: await one.ended }));
    const ended = await Promise.race([...ends, delay(FENCED_MS_MAX, null, { ref: false })]);
    if (ended === null)
      this.wrong.push(`two captures are running: ${both.map((one) => one.stderr.slice(-500)).join("")}`);
    else if (ended.end.code !== FENCED_CODE || !logOf(ended.one).some(({ code }) => code === "KAFKA_FENCED"))
      this.wrong.push(`one of two captures was to be fenced off: ${endText(ended.end)}`);
    this.#halves.capture = ended?.one === second ? first : second;
  }

  async #requireAlive(fault: string): Promise<void> {
    for (const half of ["capture", "apply"] as const) {
      if (this.#halves[half].isRunning) continue;
      this.wrong.push(`${fault}: ${half} ended by itself: ${endText(await this.#halves[half].ended)}`);
      this.#halves[half] = this.#path.start(half);
    }
  }
}
