/**
 * Statements that store constant bytes at `o` and step behind them, for the generated codecs. In scope: `b` the
 * bytes and `v` the DataView of the same memory. Four bytes go in one store: the names of the columns are a
 * large part of every row.
 */
export function constantCode(bytes: Uint8Array): string {
  const words = bytes.length >> 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stores: string[] = [];
  for (let i = 0; i < words; i++) stores.push(`v.setUint32(o+${i * 4},${view.getUint32(i * 4, true)},true)`);
  for (let i = words * 4; i < bytes.length; i++) stores.push(`b[o+${i}]=${bytes[i] ?? 0}`);
  return `${stores.join(";")};o+=${bytes.length};`;
}
