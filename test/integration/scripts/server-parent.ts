import { MysqlServer } from "../../../scripts/mysql/server.ts";

// A process for tests to end: it starts a server, says which, and goes on until its stdin ends.
const server = await MysqlServer.start();
process.stdout.write(`${JSON.stringify({ pid: server.pid, dataDir: server.dataDir })}\n`);
process.stdin.on("end", () => process.exit()).resume();
