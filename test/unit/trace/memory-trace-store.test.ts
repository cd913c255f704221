import { traceStoreContract } from "../../contract/trace-store.ts";
import { MemoryTraceStore, traceMemory, type TraceMemory } from "../../support/memory-trace-store.ts";

const memories = new Map<string, TraceMemory>();

traceStoreContract("in memory", {
  open: async (database) => {
    const memory = memories.get(database) ?? traceMemory();
    memories.set(database, memory);
    return new MemoryTraceStore(memory);
  },
});
