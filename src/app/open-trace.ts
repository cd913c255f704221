import { openTraceStore } from "../trace/clickhouse-store.ts";
import type { TraceStore } from "../types/ports.ts";
import type { Config } from "./config.ts";

/** How the trace store of the config is opened; null when there is none. */
export function traceOpener({ trace }: Config, now: () => number): (() => Promise<TraceStore>) | null {
  switch (trace.kind) {
    case "off":
      return null;
    case "path":
      return () => openTraceStore({ target: { kind: "path", path: trace.path }, now });
    case "url": {
      const { url, user, password, database } = trace;
      return () => openTraceStore({ target: { kind: "url", url, user, password }, database, now });
    }
  }
}
