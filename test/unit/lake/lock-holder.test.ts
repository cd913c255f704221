import { expect, test } from "vitest";
import { holderIn } from "../../../src/lake/lock-holder.ts";

const LOCKS = `1: FLOCK  ADVISORY  WRITE 25872 fe:00:9987497 0 EOF
2: POSIX  ADVISORY  READ 11 fe:00:500 0 EOF
3: POSIX  ADVISORY  WRITE 3621 fe:00:10166349 0 EOF
3: -> POSIX  ADVISORY  WRITE 99 fe:00:501 0 EOF
4: POSIX  ADVISORY  WRITE 4000 103:12c:77 0 EOF
5: OFDLCK ADVISORY  WRITE -1 fe:00:502 0 EOF
`;

/** As the C library puts the two parts of a device together. */
const device = (major: number, minor: number): bigint =>
  BigInt((major & 0xfff) * 2 ** 8 + (minor & 0xff) + Math.floor(minor / 256) * 2 ** 20);

test.each([
  ["held", device(0xfe, 0), 10_166_349n, 3621],
  ["on another device", device(0xfe, 1), 10_166_349n, null],
  ["a device of large numbers", device(0x103, 0x12c), 77n, 4000],
  ["for reading only", device(0xfe, 0), 500n, null],
  ["waited for", device(0xfe, 0), 501n, null],
  ["of another kind", device(0xfe, 0), 9_987_497n, null],
  ["a file that nobody locks", device(0xfe, 0), 1n, null],
])("the process that writes: %s", (_name, dev, ino, pid) => {
  expect(holderIn(LOCKS, { dev, ino })).toBe(pid);
});
