/**
 * A process that records commit after commit in a folder, prints the instant of each when the store has it,
 * and goes on until it is killed: `node trace-writer.ts <folder>`.
 */
import { openTraceStore } from "../../src/trace/clickhouse-store.ts";
import { traceRecord } from "./trace-record.ts";

const [folder] = process.argv.slice(2);
const store = await openTraceStore({
  target: { kind: "path", path: folder ?? "" },
  now: () => Date.now(),
});
await store.migrate();
for (let i = 0; ; i++) {
  const record = traceRecord(i);
  await store.record([record]);
  process.stdout.write(`${record.commit}\n`);
}
