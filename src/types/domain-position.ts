/**
 * MariaDB's GTIDs, `domain-server-number`. Within a domain the binlog has one order, and with
 * `gtid_strict_mode` the numbers grow along it, whatever server they come from: so the newest GTID of a domain
 * says which of its transactions a reader has, all up to its number. The stream stops where a number does not grow.
 *
 * A position has one end for each domain, and is written as the server writes `@@gtid_binlog_pos`: `0-1-100,1-5-7`.
 */
export interface DomainEnd {
  /** That committed the last transaction. */
  readonly server: string;
  readonly number: bigint;
  /** What is in it begins behind this number; 0 but for the difference of two positions. */
  readonly after: bigint;
}

/** By domain, each a decimal number without zeros in front. */
export type DomainEnds = ReadonlyMap<string, DomainEnd>;

const GTID = /^(0|[1-9]\d{0,9})-(0|[1-9]\d{0,9})-([1-9]\d{0,18})$/;
const ORIGIN = /^(\d+)-(\d+)$/;
const NUMBER_MAX = 2n ** 63n - 1n;

export interface DomainGtid {
  readonly domain: string;
  readonly server: string;
  readonly number: bigint;
}

/** Null for a text of another form. */
export function parseDomainGtid(text: string): DomainGtid | null {
  const [, domain, server, digits] = GTID.exec(text) ?? [];
  if (domain === undefined || server === undefined || digits === undefined) return null;
  const number = BigInt(digits);
  if (number > NUMBER_MAX) throw new RangeError(`transaction number ${digits} is out of range`);
  return { domain, server, number };
}

/** Of an origin in the form `domain-server`; null for one of MySQL. */
export function domainOf(origin: string): { readonly domain: string; readonly server: string } | null {
  const [, domain, server] = ORIGIN.exec(origin) ?? [];
  return domain === undefined || server === undefined ? null : { domain, server };
}

/** With this transaction of the domain, and all before it. */
export function withGtid(ends: DomainEnds, { domain, server, number }: DomainGtid): DomainEnds {
  const known = ends.get(domain);
  if (known !== undefined && known.number >= number) return ends;
  return new Map(ends).set(domain, { server, number, after: 0n });
}

/** What is in either of them. */
export function unionEnds(a: DomainEnds, b: DomainEnds): DomainEnds {
  let ends = a;
  for (const [domain, { server, number }] of b) ends = withGtid(ends, { domain, server, number });
  return ends;
}

/** What is in both of them. */
export function commonEnds(a: DomainEnds, b: DomainEnds): DomainEnds {
  const common = new Map<string, DomainEnd>();
  for (const [domain, end] of a) {
    const other = b.get(domain);
    if (other !== undefined) common.set(domain, other.number < end.number ? other : end);
  }
  return common;
}

/** What is in the first and not in the second. */
export function endsBeyond(a: DomainEnds, b: DomainEnds): DomainEnds {
  const rest = new Map<string, DomainEnd>();
  for (const [domain, end] of a) {
    const after = b.get(domain)?.number ?? 0n;
    if (end.number > after) rest.set(domain, { ...end, after: after > end.after ? after : end.after });
  }
  return rest;
}

/**
 * Without the last transaction of its domain and what lies behind it. It names the transaction's own server: asked
 * for all that is behind the number before, a server begins with the first one of this server that is.
 */
export function endsBefore(ends: DomainEnds, { domain, server, number }: DomainGtid): DomainEnds {
  const rest = new Map(ends);
  if (number === 1n) rest.delete(domain);
  else rest.set(domain, { server, number: number - 1n, after: 0n });
  return rest;
}

/** In the order of the domains; a difference shows where it begins, which is for people alone. */
export function endTexts(ends: DomainEnds): readonly string[] {
  return [...ends]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([domain, { server, number, after }]) => {
      const isPosition = after === 0n || after === number - 1n;
      return `${domain}-${server}-${isPosition ? "" : `${after + 1n}..`}${number}`;
    });
}
