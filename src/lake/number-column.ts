/** Whole numbers below 2^53, negative ones too, as the values of a column of 64-bit integers. */
export function longs(numbers: Float64Array | Uint32Array): Uint8Array {
  const words = new Int32Array(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] as number;
    words[i * 2] = number;
    words[i * 2 + 1] = Math.floor(number / 2 ** 32);
  }
  return new Uint8Array(words.buffer);
}
