import { setTimeout as delay } from "node:timers/promises";
import type { Aim, Direction, KafkaApi, Strike } from "./kafka-proxy.ts";
import { endText, logOf, type Half, type KafkaPath } from "./kafka-rig.ts";
import type { TallylakeProcess } from "./tallylake-process.ts";

type Victim = Half | "broker";

/** What happens to a path while changes go through it. */
export type KafkaFault =
  /** One request of a kind, or the answer to it. */
  | { readonly kind: "answer"; readonly api: KafkaApi; readonly strike: Strike }
  /** `kill -9`; each starts again at once, and is killed again so long after that. */
  | { readonly kind: "kill"; readonly whom: readonly Victim[]; readonly againMs: number | null }
  | { readonly kind: "pause"; readonly whom: Victim; readonly ms: number }
  /** Somebody starts a second capture. */
  | { readonly kind: "takeover" }
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
      return "a second capture";
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
const PAUSE_MS_MAX = 3000;

/** Faults whose choice depends on the random numbers alone. */
export function chooseFaults(random: () => number, count: number): readonly KafkaFault[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const one = (): KafkaFault => {
    const dice = random();
    if (dice < 0.5) return { kind: "answer", api: pick(APIS), strike: pick(STRIKES) };
    if (dice < 0.75) {
      return { kind: "kill", whom: pick(VICTIMS), againMs: random() < 0.5 ? null : below(AGAIN_MS_MAX) };
    }
    if (dice < 0.83) {
      return { kind: "pause", whom: pick(["capture", "apply", "broker"]), ms: below(PAUSE_MS_MAX) };
    }
    if (dice < 0.88) return { kind: "takeover" };
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
    await this.#let(fault);
    if (this.missed.length === missed) this.happened++;
    await this.#requireAlive(formatFault(fault));
  }

  /** Everything runs again; what is wrong when all has been carried. */
  async finish(): Promise<readonly string[]> {
    this.#path.rig.proxy.disarm();
    const found = await this.#path.finish(this.capture, this.apply);
    return [...this.wrong, ...found];
  }

  async #let(fault: KafkaFault): Promise<void> {
    const { proxy, broker } = this.#path.rig;
    switch (fault.kind) {
      case "answer":
        return this.#strike(fault);
      case "kill":
        return this.#kill(fault.whom, fault.againMs);
      case "pause":
        if (fault.whom === "broker") broker.pause();
        else this.#halves[fault.whom].signal("SIGSTOP");
        await delay(fault.ms);
        if (fault.whom === "broker") broker.resume();
        else this.#halves[fault.whom].signal("SIGCONT");
        return;
      case "takeover":
        return this.#takeOver();
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
    const { proxy } = this.#path.rig;
    const struck = proxy.arm({ api, strike });
    const begun = OF_A_BEGINNING.has(api) ? proxy.arm({ api: "EndTxn", strike: "cut" }) : null;
    const inTime = await Promise.race([struck, delay(STRUCK_MS_MAX, null, { ref: false })]);
    if (inTime === null) this.missed.push(`${strike} ${api}`);
    proxy.disarm();
    await Promise.race([begun, delay(0)]);
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

  /** The first one is fenced off by the second and says so. */
  async #takeOver(): Promise<void> {
    const first = this.#halves.capture;
    this.#halves.capture = this.#path.start("capture");
    const end = await Promise.race([first.ended, delay(FENCED_MS_MAX, null, { ref: false })]);
    if (end === null) this.wrong.push(`two captures are running: ${first.stderr.slice(-500)}`);
    else if (end.code !== FENCED_CODE || !logOf(first).some(({ code }) => code === "KAFKA_FENCED"))
      this.wrong.push(`the first capture was to be fenced off: ${endText(end)}`);
  }

  async #requireAlive(fault: string): Promise<void> {
    for (const half of ["capture", "apply"] as const) {
      if (this.#halves[half].isRunning) continue;
      this.wrong.push(`${fault}: ${half} ended by itself: ${endText(await this.#halves[half].ended)}`);
      this.#halves[half] = this.#path.start(half);
    }
  }
}
