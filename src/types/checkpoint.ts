import { z } from "zod";
import {
  decodeSourcePosition,
  encodeSourcePosition,
  sourcePositionJson,
  type SourcePosition,
} from "./source-position.ts";

/** Which history a position belongs to. Event ids begin with it. */
export interface SourceIdentity {
  /** The name of the source in the config. */
  readonly source: string;
  /** Rises only by a command of the operator, after the history of the binlog broke. */
  readonly epoch: number;
}

/** What a commit of a lake table says about itself: everything up to `position` is in the table. */
export interface Checkpoint extends SourceIdentity {
  readonly position: SourcePosition;
  /** `server_uuid` of the server that was read last: for people, and to notice a failover. */
  readonly serverUuid: string;
  /** The newest record of the channel that is in the table; without it no channel that keeps records was read. */
  readonly channel?: ChannelPlace;
}

/** A record of a channel that survives its process. */
export interface ChannelPlace {
  readonly id: string;
  readonly offset: number;
}

const VERSION = 1;

const checkpointJson = z.strictObject({
  version: z.literal(VERSION),
  source: z.string().min(1),
  epoch: z.number().int().positive(),
  serverUuid: z.string(),
  position: sourcePositionJson,
  channel: z.strictObject({ id: z.string().min(1), offset: z.number().int().nonnegative() }).optional(),
});

export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const json: z.infer<typeof checkpointJson> = {
    version: VERSION,
    source: checkpoint.source,
    epoch: checkpoint.epoch,
    serverUuid: checkpoint.serverUuid,
    position: encodeSourcePosition(checkpoint.position),
    ...(checkpoint.channel === undefined ? {} : { channel: checkpoint.channel }),
  };
  return JSON.stringify(json);
}

/** @throws RangeError when the text is not a checkpoint of a version that we know. */
export function decodeCheckpoint(text: string): Checkpoint {
  let parsed: z.infer<typeof checkpointJson>;
  try {
    parsed = checkpointJson.parse(JSON.parse(text));
  } catch (error) {
    throw new RangeError(`not a checkpoint: ${text.slice(0, 200)}`, { cause: error });
  }
  const { source, epoch, serverUuid, position, channel } = parsed;
  return {
    source,
    epoch,
    serverUuid,
    position: decodeSourcePosition(position),
    ...(channel === undefined ? {} : { channel }),
  };
}

/** Prefix of the ids of a source's transactions, and with a GTID behind it the id of one: `shop/1/<gtid>`. */
export const transactionId = (identity: SourceIdentity, gtid: string): string =>
  `${identity.source}/${identity.epoch}/${gtid}`;
