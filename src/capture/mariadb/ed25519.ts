/**
 * The signature that MariaDB's `ed25519` login wants: Ed25519 (RFC 8032) of the server's challenge, with the password
 * itself in the place of the 32 random bytes from which a key is made. Node signs with keys of just 32 bytes, so what
 * lies behind the key is computed here; for passwords of 32 bytes the tests hold it against Node.
 *
 * It is not done in constant time. It runs once for a login, on this machine, and nobody asks for it to be done again
 * and again with a challenge of theirs but the server.
 */
import { createHash } from "node:crypto";

const P = 2n ** 255n - 19n;
/** Order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));

/** Extended coordinates: x = X/Z, y = Y/Z, and T = XY/Z. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly t: bigint;
}

const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = mod(4n * inverse(5n));
const BASE: Point = { x: BASE_X, y: BASE_Y, z: 1n, t: mod(BASE_X * BASE_Y) };
const ZERO: Point = { x: 0n, y: 1n, z: 1n, t: 0n };

/** Signs the challenge by the password. */
export function signEd25519(password: Uint8Array, challenge: Uint8Array): Buffer {
  const expanded = sha512(password);
  const low = expanded.subarray(0, 32);
  low.writeUInt8(low.readUInt8(0) & 248, 0);
  low.writeUInt8((low.readUInt8(31) & 63) | 64, 31);
  const secret = number(low);
  const nonce = number(sha512(expanded.subarray(32), challenge)) % L;
  const commitment = encode(multiply(nonce));
  const proof = number(sha512(commitment, encode(multiply(secret)), challenge)) % L;
  return Buffer.concat([commitment, bytes((nonce + proof * secret) % L)]);
}

/** The point that the base makes when it is added to itself so often. */
function multiply(times: bigint): Point {
  let sum = ZERO;
  let power = BASE;
  for (let left = times; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) sum = add(sum, power);
    power = add(power, power);
  }
  return sum;
}

/** RFC 8032, 5.1.4, which also doubles. */
function add(p: Point, q: Point): Point {
  const a = mod((p.y - p.x) * (q.y - q.x));
  const b = mod((p.y + p.x) * (q.y + q.x));
  const c = mod(2n * D * p.t * q.t);
  const d = mod(2n * p.z * q.z);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

/** The y of a point, and in the highest bit whether its x is odd. */
function encode({ x, y, z }: Point): Buffer {
  const byZ = inverse(z);
  return bytes(mod(y * byZ) | ((mod(x * byZ) & 1n) << 255n));
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** By Fermat's little theorem. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let power = mod(value);
  for (let left = P - 2n; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = mod(result * power);
    power = mod(power * power);
  }
  return result;
}

/** Lowest byte first. */
const number = (little: Uint8Array): bigint => BigInt(`0x${Buffer.from(little).reverse().toString("hex")}`);

const bytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
