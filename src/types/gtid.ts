import {
  commonEnds,
  domainOf,
  endsBefore,
  endsBeyond,
  endTexts,
  parseDomainGtid,
  unionEnds,
  withGtid,
  type DomainEnds,
} from "./domain-position.ts";

/**
 * MySQL GTIDs and GTID sets, with tags (8.3 and later). A set is kept as sorted, disjoint, closed
 * intervals for each `uuid` or `uuid:tag`; gaps are kept, since flattening one loses transactions.
 * Transaction numbers go up to 2^63 - 1 and are bigint throughout.
 *
 * A MariaDB has other GTIDs, and a position in place of a set (`domain-position.ts`). Both are one type here, so
 * that nobody who only compares positions has to know which server they are of.
 */
export interface Gtid {
  /** Lower-case UUID, with `:tag` behind it when the GTID is tagged; of a MariaDB `domain-server`. */
  readonly origin: string;
  readonly number: bigint;
}

interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const NUMBER_MAX = 2n ** 63n - 1n;

export const formatGtid = ({ origin, number }: Gtid): string =>
  domainOf(origin) === null ? `${origin}:${number}` : `${origin}-${number}`;

export function parseGtid(text: string): Gtid {
  const known = parseDomainGtid(text);
  if (known !== null) return { origin: `${known.domain}-${known.server}`, number: known.number };
  const at = text.lastIndexOf(":");
  const origin = text.slice(0, Math.max(at, 0)).toLowerCase();
  const [uuid = "", tag, ...rest] = origin.split(":");
  if (!UUID.test(uuid) || (tag !== undefined && !TAG.test(tag)) || rest.length > 0) {
    throw new RangeError(`not a GTID: ${JSON.stringify(text)}`);
  }
  return { origin, number: parseNumber(text.slice(at + 1), text) };
}

/** An immutable set of GTIDs. */
export class GtidSet {
  static readonly empty = new GtidSet(new Map(), new Map());
  readonly #intervals: ReadonlyMap<string, readonly Interval[]>;
  readonly #domains: DomainEnds;

  private constructor(intervals: ReadonlyMap<string, readonly Interval[]>, domains: DomainEnds) {
    this.#intervals = intervals;
    this.#domains = domains;
  }

  /**
   * Accepts what MySQL prints: any order, spaces and newlines between the parts, overlapping intervals. And what
   * MariaDB prints, also for `@@gtid_binlog_state`, which has each server of a domain.
   */
  static parse(text: string): GtidSet {
    const pieces = new Map<string, Interval[]>();
    let domains: DomainEnds = new Map();
    for (const part of text.split(",")) {
      const trimmed = part.replaceAll(/\s+/g, "").toLowerCase();
      if (trimmed === "") continue;
      const known = parseDomainGtid(trimmed);
      if (known !== null) {
        domains = withGtid(domains, known);
        continue;
      }
      const [uuid = "", ...parts] = trimmed.split(":");
      if (!UUID.test(uuid) || parts.length === 0)
        throw new RangeError(`not a GTID set: ${JSON.stringify(text)}`);
      let origin = uuid;
      for (const piece of parts) {
        if (TAG.test(piece)) {
          origin = `${uuid}:${piece}`;
          continue;
        }
        const list = pieces.get(origin) ?? [];
        list.push(parseInterval(piece, text));
        pieces.set(origin, list);
      }
    }
    return new GtidSet(new Map([...pieces].map(([origin, list]) => [origin, normalise(list)])), domains);
  }

  get isEmpty(): boolean {
    return this.#intervals.size === 0 && this.#domains.size === 0;
  }

  contains(gtid: Gtid): boolean {
    const list = this.#intervals.get(gtid.origin);
    if (list === undefined) return this.#containsOfDomain(gtid);
    let low = 0;
    let high = list.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const interval = list[middle];
      if (interval === undefined) return false;
      if (gtid.number < interval.first) high = middle - 1;
      else if (gtid.number > interval.last) low = middle + 1;
      else return true;
    }
    return false;
  }

  #containsOfDomain({ origin, number }: Gtid): boolean {
    if (this.#domains.size === 0) return false;
    const end = this.#domains.get(domainOf(origin)?.domain ?? "");
    return end !== undefined && number > end.after && number <= end.number;
  }

  /** Whether every GTID of `other` is in this set. */
  includes(other: GtidSet): boolean {
    return other.subtract(this).isEmpty;
  }

  equals(other: GtidSet): boolean {
    return this.toString() === other.toString();
  }

  add(gtid: Gtid): GtidSet {
    const place = domainOf(gtid.origin);
    if (place !== null) {
      const { number } = gtid;
      return new GtidSet(this.#intervals, withGtid(this.#domains, { ...place, number }));
    }
    const interval = { first: gtid.number, last: gtid.number };
    const list = this.#intervals.get(gtid.origin) ?? [];
    const next = new Map(this.#intervals);
    const tail = list.at(-1);
    // The usual case by far: the next number of the same server.
    if (tail !== undefined && gtid.number === tail.last + 1n) {
      next.set(gtid.origin, [...list.slice(0, -1), { first: tail.first, last: gtid.number }]);
    } else {
      next.set(gtid.origin, normalise([...list, interval]));
    }
    return new GtidSet(next, this.#domains);
  }

  union(other: GtidSet): GtidSet {
    const next = new Map(this.#intervals);
    for (const [origin, list] of other.#intervals) {
      next.set(origin, normalise([...(next.get(origin) ?? []), ...list]));
    }
    return new GtidSet(next, unionEnds(this.#domains, other.#domains));
  }

  subtract(other: GtidSet): GtidSet {
    const next = new Map<string, readonly Interval[]>();
    for (const [origin, list] of this.#intervals) {
      const rest = subtractIntervals(list, other.#intervals.get(origin) ?? []);
      if (rest.length > 0) next.set(origin, rest);
    }
    return new GtidSet(next, endsBeyond(this.#domains, other.#domains));
  }

  intersect(other: GtidSet): GtidSet {
    const both = this.subtract(this.subtract(other));
    return new GtidSet(both.#intervals, commonEnds(this.#domains, other.#domains));
  }

  /** What a reader has that has read all of this but the transaction, which is its last one. */
  before(last: Gtid): GtidSet {
    const place = domainOf(last.origin);
    if (place === null) return this.subtract(GtidSet.empty.add(last));
    return new GtidSet(this.#intervals, endsBefore(this.#domains, { ...place, number: last.number }));
  }

  /** The UUIDs, each with its tag, of which the set has transactions; or each domain with its newest server. */
  get origins(): readonly string[] {
    const ofDomains = [...this.#domains].map(([domain, { server }]) => `${domain}-${server}`);
    return [...this.#intervals.keys(), ...ofDomains];
  }

  /** The highest number of an origin; null when the set has none of it. */
  newest(origin: string): bigint | null {
    const place = domainOf(origin);
    if (place !== null) return this.#domains.get(place.domain)?.number ?? null;
    return this.#intervals.get(origin)?.at(-1)?.last ?? null;
  }

  /** How many transactions the set names. */
  get size(): bigint {
    let size = 0n;
    for (const list of this.#intervals.values())
      for (const { first, last } of list) size += last - first + 1n;
    for (const { number, after } of this.#domains.values()) size += number - after;
    return size;
  }

  /** Canonical: origins sorted, each with its own UUID, intervals sorted and merged. */
  toString(): string {
    const origins = [...this.#intervals.keys()].sort();
    const ofOrigins = origins.map((origin) => {
      const list = this.#intervals.get(origin) ?? [];
      return `${origin}:${list.map((i) => (i.first === i.last ? `${i.first}` : `${i.first}-${i.last}`)).join(":")}`;
    });
    return [...ofOrigins, ...endTexts(this.#domains)].join(",");
  }
}

function parseNumber(text: string, whole: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new RangeError(`not a transaction number in ${JSON.stringify(whole)}`);
  const number = BigInt(text);
  if (number < 1n || number > NUMBER_MAX) throw new RangeError(`transaction number ${text} is out of range`);
  return number;
}

function parseInterval(text: string, whole: string): Interval {
  const [first = "", last = first, ...rest] = text.split("-");
  const interval = { first: parseNumber(first, whole), last: parseNumber(last, whole) };
  if (rest.length > 0 || interval.last < interval.first) {
    throw new RangeError(`not an interval of transaction numbers: ${JSON.stringify(text)}`);
  }
  return interval;
}

function normalise(list: readonly Interval[]): readonly Interval[] {
  const sorted = [...list].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Interval[] = [];
  for (const interval of sorted) {
    const tail = merged.at(-1);
    if (tail !== undefined && interval.first <= tail.last + 1n) {
      if (interval.last > tail.last) merged[merged.length - 1] = { first: tail.first, last: interval.last };
    } else {
      merged.push(interval);
    }
  }
  return merged;
}

function subtractIntervals(from: readonly Interval[], minus: readonly Interval[]): readonly Interval[] {
  let rest: Interval[] = [...from];
  for (const cut of minus) {
    const next: Interval[] = [];
    for (const interval of rest) {
      if (cut.last < interval.first || cut.first > interval.last) {
        next.push(interval);
        continue;
      }
      if (interval.first < cut.first) next.push({ first: interval.first, last: cut.first - 1n });
      if (cut.last < interval.last) next.push({ first: cut.last + 1n, last: interval.last });
    }
    rest = next;
  }
  return rest;
}
