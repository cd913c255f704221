import ZongJi from "@vlasky/zongji";
import { syncError } from "../types/errors.ts";
import type { GtidSet } from "../types/gtid.ts";
import { codeOf, messageOf, SyncError } from "../util/errors.ts";

/**
 * The dump connection. zongji does the handshake, the checksum agreement and the dump command; the packets
 * that follow go to our handler untouched.
 *
 * The seam: zongji 0.9.0 assigns its command class to the public property `BinlogClass` right before it
 * sends the dump command. An accessor of that name hands it a class of ours in place, whose `binlogData`
 * sees every packet. zongji's version is pinned and a contract test holds the seam.
 */
export interface BinlogConnectionOptions {
  /** Passed on to the MySQL driver as it is. */
  readonly driver: Readonly<Record<string, unknown>>;
  /** Replication id of this reader; no other reader of the same server may use it. */
  readonly serverId: number;
  /** Transactions that the server shall leave out. */
  readonly without: GtidSet;
  /** Period of heartbeats while the source is idle. */
  readonly heartbeatMs: number;
  /** One event: `bytes[from]` is the first byte of its header, `to` is behind its checksum. */
  readonly onEvent: (bytes: Uint8Array, from: number, to: number) => void;
  /** The connection is over; called once. Null when the server closed the stream in good order. */
  readonly onEnd: (error: Error | null) => void;
}

export interface BinlogConnection {
  /** Stops reading from the socket, so that the server's send buffer fills and it waits. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

interface Packet {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

/** What we use of zongji's command class. */
interface BinlogCommand {
  on(event: "error", listener: (error: Error) => void): unknown;
}
type BinlogCommandClass = (new (callback: unknown) => BinlogCommand) & { readonly prototype: object };

/** The subset of the driver's connection that zongji leaves in `connection`. */
interface DriverConnection {
  query(sql: string, callback: (error: Error | null) => void): void;
  pause(): void;
  resume(): void;
}

/** Opens the stream; resolves when the dump command is about to be sent. */
export function openBinlog(options: BinlogConnectionOptions): Promise<BinlogConnection> {
  return new Promise((resolve, reject) => {
    let state: "opening" | "open" | "over" = "opening";
    const end = (error: Error | null): void => {
      if (state === "over") return;
      const opening = state === "opening";
      state = "over";
      if (opening) reject(binlogError(error ?? new Error("the server closed the connection")));
      else options.onEnd(error === null ? null : binlogError(error));
    };
    const reader = new RawZongJi(
      { ...options.driver, rowsAsArray: false },
      (packet) => handlePacket(packet, options, end),
      end,
    );
    reader.on("error", end);
    reader.on("ready", () => {
      const driver = reader.connection as DriverConnection;
      // The heartbeat makes a dead connection noticeable; the timeouts let us pause for long.
      const periodNs = BigInt(options.heartbeatMs) * 1_000_000n;
      driver.query(
        `SET @master_heartbeat_period = ${periodNs}, @source_heartbeat_period = ${periodNs}, SESSION net_write_timeout = 31536000, SESSION net_read_timeout = 31536000`,
        (error) => {
          if (error !== null) end(error);
        },
      );
      if (state !== "opening") return;
      state = "open";
      resolve({
        pause: () => {
          driver.pause();
        },
        resume: () => {
          driver.resume();
        },
        close: () => {
          state = "over";
          return new Promise<void>((closed) => {
            reader.once("stopped", closed);
            reader.stop();
          });
        },
      });
    });
    reader.start({ serverId: options.serverId, gtidSet: options.without.toString() });
  });
}

function handlePacket(
  packet: Packet,
  options: BinlogConnectionOptions,
  end: (error: Error | null) => void,
): boolean {
  if (packet.isEOF()) {
    end(null);
    return false;
  }
  try {
    // The first byte of the payload says "an event follows"; an error packet does not come here.
    options.onEvent(packet.buffer, packet.offset + 1, packet.end);
  } catch (error) {
    end(error instanceof Error ? error : new Error(String(error)));
    return false;
  }
  return true;
}

class RawZongJi extends ZongJi {
  readonly #onPacket: (packet: Packet) => boolean;
  readonly #onError: (error: Error) => void;
  #commandClass: BinlogCommandClass | undefined;

  constructor(
    driver: Record<string, unknown>,
    onPacket: (packet: Packet) => boolean,
    onError: (error: Error) => void,
  ) {
    super(driver);
    this.#onPacket = onPacket;
    this.#onError = onError;
  }

  get BinlogClass(): BinlogCommandClass | undefined {
    return this.#commandClass;
  }

  set BinlogClass(original: BinlogCommandClass | undefined) {
    if (original === undefined) {
      this.#commandClass = undefined;
      return;
    }
    const onPacket = this.#onPacket;
    const onError = this.#onError;
    const binlogData = function (packet: Packet): unknown {
      return onPacket(packet) ? binlogData : null;
    };
    // `start` returns the method of the original prototype, so it is replaced there.
    Object.defineProperty(original.prototype, "binlogData", { value: binlogData });
    this.#commandClass = class extends original {
      constructor(callback: unknown) {
        super(callback);
        // An error packet is emitted on the command, where nobody would listen.
        this.on("error", onError);
      }
    };
  }
}

/** Server errors of the dump by number; 1236 is the dump thread's own, told apart by what we asked before. */
function binlogError(error: Error): Error {
  if (error instanceof SyncError || !("code" in error)) return error;
  const code = codeOf(error);
  const errno = "errno" in error && typeof error.errno === "number" ? error.errno : 0;
  if (errno === 1236) {
    return syncError("SOURCE_PURGED", `the server ended the binlog stream: ${messageOf(error)}`, {
      hint: "run `tallylake check`: it names what is missing; another reader with the same source.serverId ends a stream as well",
      cause: error,
    });
  }
  if (code === "ER_ACCESS_DENIED_ERROR" || errno === 1045) {
    return syncError("SOURCE_ACCESS_DENIED", messageOf(error), {
      hint: "check source.url and the password",
      cause: error,
    });
  }
  if (errno === 1227) {
    return syncError("SOURCE_GRANT_MISSING", messageOf(error), {
      hint: "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user of source.url",
      cause: error,
    });
  }
  return syncError("SOURCE_CONNECTION_LOST", `the binlog connection failed: ${code} ${messageOf(error)}`, {
    hint: "it is opened again by itself; if it keeps failing look at the server's error log and the network",
    cause: error,
  });
}
