import type { SourceIdentity } from "../types/checkpoint.ts";
import { batchParts, type ChangeBatch, type RowForm } from "../types/change-batch.ts";
import type { ColumnChange } from "../types/column-change.ts";
import type { CapturePosition, TableStop } from "../types/ports.ts";
import {
  decodeSourcePosition,
  encodeSourcePosition,
  type SourcePositionJson,
} from "../types/source-position.ts";
import type { TableSchema } from "../types/table-schema.ts";
import type { PlainError } from "../util/error-transfer.ts";
import type { Catalogue } from "./catalogue.ts";
import type { StreamLimits } from "./binlog-stream.ts";
import type { PlainEndpoint } from "./source-session.ts";

/** What the main thread tells the capture thread when it starts it. */
export interface WorkerInput extends Catalogue {
  readonly endpoint: PlainEndpoint;
  readonly serverId: number;
  readonly identity: SourceIdentity;
  readonly schemas: readonly TableSchema[];
  readonly from: SourcePositionJson;
  readonly serverUuid: string | null;
  readonly form: RowForm;
  /** GTID sets as text, by `tableKey`: see `StreamRequest`. */
  readonly held: readonly (readonly [string, string])[];
  readonly version: string;
  /** Bytes of batches that the main thread may hold before capture stops reading. */
  readonly outstandingBytesMax: number;
  /** How long to try again while the source is away; without it for ever. */
  readonly patienceMs?: number | null;
  readonly limits?: Partial<StreamLimits>;
}

export type ToWorker =
  | { readonly kind: "taken"; readonly bytes: number }
  /** Of a batch that is not read any more. */
  | { readonly kind: "memory"; readonly memory: SharedArrayBuffer }
  | { readonly kind: "stop" };

/** A stop, as it goes from thread to thread. */
export interface PlainStop extends Omit<TableStop, "at" | "columns"> {
  readonly at: SourcePositionJson;
  readonly columns?: { readonly change: ColumnChange; readonly behind: SourcePositionJson };
}

export const plainStop = ({ at, columns, ...stop }: TableStop): PlainStop => ({
  ...stop,
  at: encodeSourcePosition(at),
  ...(columns === undefined ? {} : { columns: { ...columns, behind: encodeSourcePosition(columns.behind) } }),
});

export const stopOfPlain = ({ at, columns, ...stop }: PlainStop): TableStop => ({
  ...stop,
  at: decodeSourcePosition(at),
  ...(columns === undefined ? {} : { columns: { ...columns, behind: decodeSourcePosition(columns.behind) } }),
});

export type ToMain =
  | { readonly kind: "batch"; readonly schema: number; readonly batch: Omit<ChangeBatch, "schema"> }
  | (Omit<CapturePosition, "position" | "stops"> & {
      readonly position: SourcePositionJson;
      readonly stops: readonly PlainStop[];
    })
  | { readonly kind: "abort" }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "end"; readonly error: PlainError | null };

/** The memory of a batch that goes over to the other thread instead of being copied; the rest is shared with it. */
export function batchBuffers(batch: ChangeBatch): ArrayBuffer[] {
  return batchParts(batch).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}
