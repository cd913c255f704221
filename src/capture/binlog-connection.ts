import ZongJi from "@vlasky/zongji";
import { syncError } from "../types/errors.ts";
import type { GtidSet } from "../types/gtid.ts";
import { StopError } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import { codeOf, isOutOfFiles, messageOf, SyncError } from "../util/errors.ts";
import { corrupt } from "./corrupt.ts";
import { driverError } from "./driver-error.ts";

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
  /** Period of heartbeats while the source is idle; silence of several of them ends the connection. */
  readonly heartbeatMs: number;
  /** How long the server may look for the place in its binlogs, which it does without a heartbeat. */
  readonly seekMsMax?: number;
  /** Ends the opening; a connection that is open is closed by `close`. */
  readonly signal?: AbortSignal;
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

/** The subset of the driver's connection that zongji leaves in `connection` and `ctrlConnection`. */
interface DriverConnection {
  /** Changes when the connection becomes encrypted. */
  readonly stream: { readonly bytesRead: number };
  query(sql: string, callback: (error: Error | null) => void): void;
  pause(): void;
  resume(): void;
}

/** Heartbeat periods without a packet after which a connection counts as dead. */
const SILENT_PERIODS = 3;
const TICKS_PER_PERIOD = 2;
/** More than the heartbeats of a tick. */
const BYTES_PER_TICK_MIN = 512;
const SEEK_MS_MAX = 60_000;
/** First byte of a packet that carries an event. */
const EVENT_FOLLOWS = 0;

/**
 * Opens the stream; resolves when the dump command is about to be sent. What the driver reports is given as
 * an operating error; what `onEvent` throws comes back as it is.
 * @throws StopError when the signal aborts before it is open
 */
export function openBinlog(options: BinlogConnectionOptions): Promise<BinlogConnection> {
  return new Opening(options).run();
}

type State = "opening" | "open" | "over";

class Opening {
  readonly #options: BinlogConnectionOptions;
  readonly #reader: RawZongJi;
  readonly #opened = Promise.withResolvers<BinlogConnection>();
  #state: State = "opening";
  #isPaused = false;
  #packets = 0;
  #packetsSeen = 0;
  #watch: NodeJS.Timeout | null = null;
  #bytesSeen = 0;
  #quietTicks = 0;

  constructor(options: BinlogConnectionOptions) {
    this.#options = options;
    const fail = (error: Error): void => {
      this.#end(binlogError(error, options.serverId));
    };
    this.#reader = new RawZongJi(
      { ...options.driver, rowsAsArray: false },
      (packet) => this.#take(packet),
      fail,
    );
    this.#reader.on("error", fail);
    this.#reader.on("ready", () => {
      this.#ready(fail);
    });
  }

  async run(): Promise<BinlogConnection> {
    const { serverId, without, heartbeatMs, signal } = this.#options;
    const onAbort = (): void => {
      this.#end(new StopError("stopped", { cause: signal?.reason }));
    };
    if (signal?.aborted === true) throw new StopError("stopped", { cause: signal.reason });
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#watch = setInterval(() => {
      this.#tick();
    }, heartbeatMs / TICKS_PER_PERIOD);
    try {
      this.#reader.start({ serverId, gtidSet: without.toString() });
      return await this.#opened.promise;
    } catch (error) {
      await this.#close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #ready(fail: (error: Error) => void): void {
    if (this.#state !== "opening") return;
    const { heartbeatMs } = this.#options;
    const driver = must(this.#reader.dumpConnection, "the connection that is ready");
    // The heartbeat makes a dead connection noticeable; the timeouts let us pause for long. Checksums are asked
    // for also while the server writes none, since files that it wrote before can have them.
    const periodNs = BigInt(heartbeatMs) * 1_000_000n;
    driver.query(
      `SET @master_heartbeat_period = ${periodNs}, @source_heartbeat_period = ${periodNs}, @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', SESSION net_write_timeout = 31536000, SESSION net_read_timeout = 31536000`,
      (error) => {
        if (error !== null) fail(error);
      },
    );
    this.#state = "open";
    this.#opened.resolve({
      pause: () => {
        this.#isPaused = true;
        driver.pause();
      },
      resume: () => {
        this.#isPaused = false;
        driver.resume();
      },
      close: () => this.#close(),
    });
  }

  /** Whether the command goes on taking packets. */
  #take(packet: Packet): boolean {
    this.#packets++;
    if (packet.isEOF()) {
      this.#end(null);
      return false;
    }
    try {
      const marker = packet.buffer[packet.offset];
      // The checksum of the event does not cover this byte; an error packet does not come here.
      if (marker !== EVENT_FOLLOWS)
        throw corrupt(`a packet begins with ${marker ?? "nothing"} and not with 0`);
      this.#options.onEvent(packet.buffer, packet.offset + 1, packet.end);
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
    return true;
  }

  /**
   * Counts the quiet ticks, not the time: a process that was stopped, or busy for long, finds its bytes at the
   * next tick. A large event on a slow network shows by its bytes before it is whole; heartbeats alone do not
   * count as such, since a packet whose length was damaged swallows them.
   */
  #tick(): void {
    const bytes = this.#reader.bytesRead;
    const isMoving = this.#packets > this.#packetsSeen || bytes - this.#bytesSeen >= BYTES_PER_TICK_MIN;
    this.#packetsSeen = this.#packets;
    this.#bytesSeen = bytes;
    this.#quietTicks = isMoving || this.#isPaused ? 0 : this.#quietTicks + 1;
    const quietMs = (this.#quietTicks * this.#options.heartbeatMs) / TICKS_PER_PERIOD;
    if (quietMs > this.#quietMsMax()) this.#end(silent(quietMs));
  }

  #quietMsMax(): number {
    const { heartbeatMs, seekMsMax = SEEK_MS_MAX, driver } = this.#options;
    const usual = heartbeatMs * SILENT_PERIODS;
    if (this.#state === "opening") return Math.max(usual, Number(driver["connectTimeout"] ?? 0));
    return this.#packets > 0 ? usual : Math.max(usual, seekMsMax);
  }

  #end(error: Error | null): void {
    const { onEnd } = this.#options;
    const before = this.#state;
    this.#state = "over";
    if (before === "opening") this.#opened.reject(error ?? binlogError(new Error("it was closed"), 0));
    else if (before === "open") onEnd(error);
  }

  /** Frees both connections; the server is told to end its thread, and need not answer. */
  #close(): Promise<void> {
    this.#state = "over";
    if (this.#watch !== null) clearInterval(this.#watch);
    return new Promise<void>((closed) => {
      this.#reader.once("stopped", closed);
      this.#reader.stop();
    });
  }
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

  /** Null before it is opened, and after it was closed. */
  get dumpConnection(): DriverConnection | null {
    return this.connection as unknown as DriverConnection | null;
  }

  /** Of both connections: zongji asks its questions on one of its own. */
  get bytesRead(): number {
    const { ctrlConnection } = this as unknown as { readonly ctrlConnection: DriverConnection | null };
    return [this.dumpConnection, ctrlConnection].reduce(
      (bytes, driver) => bytes + (driver?.stream.bytesRead ?? 0),
      0,
    );
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

/** What all errors of the dump thread are: purged binlogs, another reader, a damaged file, a packet too large. */
const DUMP_ERRNO = 1236;
/** `ER_SLAVE_SAME_ID`, which MariaDB has for the other reader. */
const SAME_ID_ERRNO = 4052;
/**
 * The server tells those apart by nothing but their text. Missing binlogs are seen by what we ask before each
 * connect; that another reader took our id, and that transactions without GTID lie in the way, is only said here.
 */
const TAKEN_OVER = /same server_uuid\/server_id|same server_id/i;
const ANONYMOUS = /anonymous transaction/i;

function binlogError(error: Error, serverId: number): Error {
  if (error instanceof SyncError) return error;
  const code = codeOf(error);
  const errno = "errno" in error && typeof error.errno === "number" ? error.errno : 0;
  const message = messageOf(error);
  if ((errno === DUMP_ERRNO || errno === SAME_ID_ERRNO) && TAKEN_OVER.test(message)) {
    return syncError(
      "SOURCE_SERVER_ID",
      `another reader with the server id ${serverId} has taken the binlog over`,
      {
        hint: "end the other program, or give this one a `source.serverId` that no other replica of the server has",
        cause: error,
      },
    );
  }
  if (errno === DUMP_ERRNO && ANONYMOUS.test(message)) {
    return syncError("BINLOG_GTID", `the binlog holds a transaction without GTID: ${message}`, {
      hint: "set gtid_mode ON again, if it is not, and take the tables anew, when a transaction with a GTID has been written behind it: remove their folders from the lake and run `tallylake init`",
      cause: error,
    });
  }
  if (errno === DUMP_ERRNO) {
    return syncError("BINLOG_REFUSED", `the server ended the binlog stream: ${message}`, {
      hint: "it is asked again a few times; look at the message and at the server's error log, and run `tallylake check`",
      cause: error,
    });
  }
  if (code === "ER_ACCESS_DENIED_ERROR" || errno === 1045) {
    return syncError("SOURCE_ACCESS_DENIED", message, {
      hint: "check source.url and the password",
      cause: error,
    });
  }
  if (errno === 1227) {
    return syncError("SOURCE_GRANT_MISSING", message, {
      hint: "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user of source.url",
      cause: error,
    });
  }
  if (errno <= 0 && isOutOfFiles(error)) return driverError(error, { step: "read the binlog" });
  const what = [code, message].filter((part) => part !== "").join(" ");
  return syncError("SOURCE_CONNECTION_LOST", `the binlog connection failed: ${what}`, {
    hint: "it is opened again by itself; if it keeps failing look at the server's error log and the network",
    cause: error,
  });
}

const silent = (silentMs: number): Error =>
  syncError(
    "BINLOG_SILENT",
    `nothing came from the source for ${Math.round(silentMs / 1000)} s, not even a heartbeat`,
    {
      hint: "the connection is opened again by itself; look at the network between here and the source",
    },
  );
