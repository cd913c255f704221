import { freePort, isPortFree } from "../free-port.ts";

/**
 * Calls `start` with so many ports on which nobody listens, and again with others when it fails because somebody
 * else has taken one of them meanwhile.
 */
export async function onFreePorts<T>(
  count: number,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (;;) {
    const ports = new Set<number>();
    while (ports.size < count) ports.add(await freePort());
    try {
      return await start([...ports]);
    } catch (error) {
      const isFree = await Promise.all([...ports].map(isPortFree));
      if (isFree.every(Boolean)) throw error;
    }
  }
}
