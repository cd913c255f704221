interface Sample {
  readonly atMs: number;
  readonly count: number;
}

/** How fast a growing count grows, over the last `windowMs`. The first sample is where it starts. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #samples: Sample[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(atMs: number, count: number): void {
    this.#samples.push({ atMs, count });
    // One sample older than the window stays, so that the window is always covered.
    while ((this.#samples[1]?.atMs ?? Infinity) <= atMs - this.#windowMs) this.#samples.shift();
  }

  /** Null while there is nothing to measure between. */
  perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return null;
    return ((last.count - first.count) * 1000) / (last.atMs - first.atMs);
  }
}
