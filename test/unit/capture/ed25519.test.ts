import { createPrivateKey, sign } from "node:crypto";
import { expect, test } from "vitest";
import { seededRandom } from "../../../scripts/random.ts";
import { signEd25519 } from "../../../src/capture/mariadb/ed25519.ts";

/** In front of the 32 bytes of a key, as RFC 8410 has it. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

test("a password of 32 bytes signs as Node does with that key", () => {
  const random = seededRandom(11);
  const bytes = (count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
  for (let i = 0; i < 40; i++) {
    const [password, challenge] = [bytes(32), bytes(i * 3)];
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, password]), format: "der", type: "pkcs8" });
    expect(signEd25519(password, challenge).toString("hex")).toBe(sign(null, challenge, key).toString("hex"));
  }
});

test("a password of any length signs in 64 bytes", () => {
  for (const password of ["", "p", "x".repeat(200)]) {
    expect(signEd25519(Buffer.from(password), Buffer.alloc(32))).toHaveLength(64);
  }
});
