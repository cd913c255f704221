import xxhash from "xxhash-wasm";

const api = await xxhash();

/** xxHash64 of a text's UTF-8 bytes. */
export const hash64Text = (text: string): bigint => api.h64(text);

/** A running xxHash64 over bytes that come in pieces; only their concatenation counts. */
export class Hasher64 {
  #hash = api.create64();

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): bigint {
    return this.#hash.digest();
  }

  /** Begins anew. */
  reset(): void {
    this.#hash = api.create64();
  }
}

export const hasher64 = (): Hasher64 => new Hasher64();

export const hex64 = (hash: bigint): string => hash.toString(16).padStart(16, "0");
