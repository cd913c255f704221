import { readFileSync } from "node:fs";

/** What a bench prints. Seconds and bytes are of the part that the figure is about. */
export interface Figure {
  readonly bench: string;
  /** What `rows` counts. */
  readonly unit: string;
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSec: number;
  /** CPU seconds of this process alone, user and system, all threads. */
  readonly toolCpuSec: number;
  /** The same of the server; null when it takes no part. */
  readonly serverCpuSec: number | null;
  readonly peakRssMiB: number;
  /** What else there is to say of it. */
  readonly note?: string;
}

const TICKS_PER_SEC = 100;

/** User and system time of a process so far, in seconds. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces; the times are the 14th and 15th fields.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC;
}

export interface Measured {
  readonly rows: number;
}

/** Runs the work once and takes its time, and the CPU of both sides. */
export async function measure(
  what: { readonly bench: string; readonly unit: string; readonly serverPid: number | null },
  work: () => Promise<Measured>,
): Promise<Figure> {
  const serverBefore = what.serverPid === null ? 0 : cpuOf(what.serverPid);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const { rows } = await work();
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    bench: what.bench,
    unit: what.unit,
    rows,
    seconds,
    rowsPerSec: Math.round(rows / seconds),
    toolCpuSec: (cpu.user + cpu.system) / 1e6,
    serverCpuSec: what.serverPid === null ? null : cpuOf(what.serverPid) - serverBefore,
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}
