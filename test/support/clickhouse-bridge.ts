import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Session } from "chdb";

/** What goes wrong with the next request. */
export type BridgeFault =
  | "lose-request" // the connection ends before the engine sees the statement
  | "lose-answer" // the statement is executed, the connection ends without an answer
  | "hang"; // the statement is executed, the answer never comes

const USER = "tester";
const PASSWORD = "p@ss/wörd";

/**
 * ClickHouse's HTTP interface, as far as the official client uses it, in front of the real engine in this
 * process. It makes the client's way over HTTP testable where no server can be had: parameters in the
 * address, bodies, exception headers, logins, lost answers.
 */
export class ClickHouseBridge {
  readonly user = USER;
  readonly password = PASSWORD;
  /** How many statements have been executed. */
  statements = 0;
  readonly #session: Session;
  readonly #server: Server;
  readonly #faults: { readonly fault: BridgeFault; readonly statement: RegExp }[] = [];
  #tail: Promise<unknown> = Promise.resolve();
  #port = 0;

  private constructor(session: Session) {
    this.#session = session;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(path: string): Promise<ClickHouseBridge> {
    const bridge = new ClickHouseBridge(new Session(path));
    await bridge.resume();
    return bridge;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The next request whose statement matches fails in this way, once. */
  failNext(fault: BridgeFault, statement = /(?:)/): void {
    this.#faults.push({ fault, statement });
  }

  /** Nobody listens any more, as if the server were stopped. */
  async pause(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async resume(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.pause();
    await this.#tail;
    this.#session.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const search = new URL(request.url ?? "/", this.url).searchParams;
    const login = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;
    if (request.headers.authorization !== login) {
      answerError(response, 401, 516, "Authentication failed. (AUTHENTICATION_FAILED)");
      return;
    }
    const inUrl = search.get("query");
    const statement = inUrl === null ? body : `${inUrl}\n${body}`;
    const at = this.#faults.findIndex((fault) => fault.statement.test(statement));
    const fault = at < 0 ? null : this.#faults.splice(at, 1)[0]?.fault;
    if (fault === "lose-request") {
      request.socket.destroy();
      return;
    }
    const outcome = await this.#execute(search, statement);
    this.statements++;
    if (fault === "hang") return;
    if (fault === "lose-answer") request.socket.destroy();
    else if ("bytes" in outcome) response.end(outcome.bytes);
    else answerError(response, 500, outcome.code, outcome.message);
  }

  /** One at a time: parameters are set for the whole session. */
  async #execute(
    search: URLSearchParams,
    statement: string,
  ): Promise<{ bytes: Uint8Array } | { code: number; message: string }> {
    const parameters = [...search].filter(([name]) => name.startsWith("param_"));
    const set = parameters.map(([name, value]) => `${name} = '${value.replaceAll(/[\\']/g, "\\$&")}'`);
    const sql = set.length === 0 ? statement : `SET ${set.join(", ")}; ${statement}`;
    const run = this.#tail.then(() => this.#session.queryAsync(sql));
    this.#tail = run.catch(() => null);
    try {
      return { bytes: (await run).bytes() };
    } catch (error) {
      const { message, clickhouseCode } = error as Error & { clickhouseCode?: number };
      return { code: clickhouseCode ?? 0, message };
    }
  }
}

function answerError(response: ServerResponse, status: number, code: number, message: string): void {
  response.writeHead(status, { "x-clickhouse-exception-code": String(code) });
  response.end(
    message.startsWith("Code:") ? message : `Code: ${code}. DB::Exception: ${message} (version 0)`,
  );
}
