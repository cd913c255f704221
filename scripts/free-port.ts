import { once } from "node:events";
import { createServer } from "node:net";
import { codeOf } from "../src/util/errors.ts";
import { setupError } from "./setup-error.ts";

// Below the range from which Linux takes the ports of outgoing connections: one of those could take
// the port between our look and the server's bind.
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;

/** A port of 127.0.0.1 on which nobody listens now. */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = PORT_MIN + Math.floor(random() * (PORT_MAX - PORT_MIN));
    if (await isPortFree(port)) return port;
  }
  throw setupError(`100 random ports from ${PORT_MIN} to ${PORT_MAX} were all taken on 127.0.0.1`, {
    hint: "end the processes that hold them",
  });
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host: "127.0.0.1", exclusive: true });
  try {
    await once(server, "listening");
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
