import { KafkaServer } from "../../../scripts/kafka/server.ts";

// A process for tests to end: it starts a broker, says which, and goes on until its stdin ends.
const server = await KafkaServer.start();
process.stdout.write(`${JSON.stringify({ pid: server.pid, folder: server.folder })}\n`);
process.stdin.on("end", () => process.exit()).resume();
