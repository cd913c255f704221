import { parseGtid, type GtidSet } from "../types/gtid.ts";
import type { LastTransaction } from "../types/source-position.ts";
import { openBinlog } from "./binlog-connection.ts";
import { corrupt } from "./corrupt.ts";
import type { SourceEndpoint } from "./connection-options.ts";
import { driverOptions } from "./connection-options.ts";
import { EventIntake } from "./event-intake.ts";
import { TrackedTables } from "./tracked-tables.ts";
import { TransactionAssembler } from "./transaction.ts";

export interface AnchorOptions {
  readonly endpoint: SourceEndpoint;
  readonly serverId: number;
  /** Everything but the transaction that is wanted. */
  readonly without: GtidSet;
  readonly gtid: string;
}

const HEARTBEAT_MS = 5000;

/** Reads one transaction back from the binlog, to recognise the history by it later. */
export async function readAnchor(options: AnchorOptions): Promise<LastTransaction> {
  const numbering = { seq: 0, ordinal: 0 };
  const tables = TrackedTables.none(numbering);
  const from = { gtids: options.without, file: "", offset: 0, seq: 0, last: null };
  const identity = { source: "", epoch: 1 };
  const assembler = new TransactionAssembler({ tables, identity, from, numbering, expected: null });
  const { promise, resolve, reject } = Promise.withResolvers<LastTransaction>();
  const intake = new EventIntake({
    take: (bytes, header) => {
      assembler.event(bytes, header);
      const { last, prepared } = assembler.position();
      if (last?.gtid === options.gtid) resolve(last);
      // What is only prepared lies in no position, and may come first.
      else if (last !== null && prepared?.contains(parseGtid(last.gtid)) !== true)
        throw corrupt(`the server sent ${last.gtid} and was asked for ${options.gtid}`);
    },
    onError: reject,
  });
  const connection = await openBinlog({
    driver: { ...driverOptions(options.endpoint) },
    serverId: options.serverId,
    without: options.without,
    heartbeatMs: HEARTBEAT_MS,
    onEvent: (bytes, start, end) => {
      intake.event(bytes, start, end);
    },
    onEnd: (error) => {
      reject(error ?? corrupt(`the server does not send ${options.gtid}`));
    },
  });
  intake.attach(connection);
  try {
    return await promise;
  } finally {
    await intake.close();
  }
}
