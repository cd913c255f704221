import { BY_PRIMARY_KEY } from "../../src/types/key-choice.ts";
import { connectMysql, type MysqlConnection } from "../../src/capture/connection.ts";
import { BinlogThread } from "../../src/capture/binlog-thread.ts";
import type { SourceEndpoint } from "../../src/capture/connection-options.ts";
import { readCatalogue } from "../../src/capture/catalogue.ts";
import { planChunks } from "../../src/capture/chunk-plan.ts";
import { SnapshotReader } from "../../src/capture/snapshot-reader.ts";
import { readTables } from "../../src/capture/schema-reader.ts";
import { readSourceFacts } from "../../src/capture/source-facts.ts";
import { plainEndpoint } from "../../src/capture/source-session.ts";
import { tableSchema } from "../../src/capture/table-facts.ts";
import type { ChangeBatch, RowForm } from "../../src/types/change-batch.ts";
import type { SourceIdentity } from "../../src/types/checkpoint.ts";
import type { ChunkWriter, SnapshotChunk, StagedChunk } from "../../src/types/ports.ts";
import { encodeSourcePosition, type SourcePosition } from "../../src/types/source-position.ts";
import { formatTableId, tableKey, type TableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { Log } from "../../src/util/log.ts";
import { Secret } from "../../src/util/secret.ts";
import { RECORD_VERSION } from "./batch-records.ts";

const LOG = new Log({ level: "error", format: "text", now: () => 0, write: () => undefined });
const SERVER_ID_MIN = 100_000;
const CHUNK_ROWS = 50;

export interface Changes {
  /** By `tableKey`, in binlog order. */
  readonly batches: ReadonlyMap<string, readonly ChangeBatch[]>;
  readonly position: SourcePosition;
  /** Commit time of the last transaction. */
  readonly commitUs: number;
}

/** The capture stage as a test drives it: what some tables hold and how they change, from a real server. */
export class SourceFeed implements AsyncDisposable {
  readonly identity: SourceIdentity;
  readonly endpoint: SourceEndpoint;
  readonly connection: MysqlConnection;

  private constructor(parts: {
    readonly identity: SourceIdentity;
    readonly endpoint: SourceEndpoint;
    readonly connection: MysqlConnection;
  }) {
    this.identity = parts.identity;
    this.endpoint = parts.endpoint;
    this.connection = parts.connection;
  }

  static async open(url: string, identity: SourceIdentity): Promise<SourceFeed> {
    const endpoint = endpointOf(url);
    return new SourceFeed({ identity, endpoint, connection: await connectMysql(endpoint) });
  }

  /** In the order of the ids. */
  async schemas(ids: readonly TableId[]): Promise<readonly TableSchema[]> {
    const facts = await readTables(this.connection, ids);
    return ids.map((id) =>
      must(
        tableSchema(must(facts.get(tableKey(id)), formatTableId(id)), BY_PRIMARY_KEY),
        `a schema of ${formatTableId(id)}`,
      ),
    );
  }

  /** A low watermark: all that is committed by now. */
  async now(): Promise<{ readonly position: SourcePosition; readonly serverUuid: string }> {
    const { binlogEnd, executedGtids, serverUuid } = await readSourceFacts(this.connection);
    return { position: { gtids: executedGtids, ...binlogEnd, seq: 0, last: null }, serverUuid };
  }

  /** The table as it is now, in chunks of a few rows, so that there are several. */
  async snapshot(
    schema: TableSchema,
    writerOf: (index: number) => ChunkWriter,
  ): Promise<readonly StagedChunk[]> {
    const reader = new SnapshotReader(schema);
    const chunks: StagedChunk[] = [];
    const planned: SnapshotChunk[] = [];
    for await (const chunk of planChunks(this.connection, schema, { chunkRows: CHUNK_ROWS }))
      planned.push(chunk);
    for (const chunk of planned) {
      const sink = writerOf(chunk.index);
      await reader.read(this.connection, chunk, { sink, now: Date.now });
      chunks.push(await sink.finish());
    }
    return chunks;
  }

  /** What changed from a position up to now, by the capture thread. */
  async changesSince(
    from: SourcePosition,
    schemas: readonly TableSchema[],
    form: RowForm = "columns",
  ): Promise<Changes> {
    const until = (await this.now()).position.gtids;
    const batches = new Map<string, ChangeBatch[]>(schemas.map((schema) => [tableKey(schema.id), []]));
    if (from.gtids.includes(until)) return { batches, position: from, commitUs: 0 };
    const catalogue = await readCatalogue(this.connection, schemas);
    const thread = new BinlogThread(
      {
        endpoint: plainEndpoint(this.endpoint),
        serverId: SERVER_ID_MIN + (process.pid % SERVER_ID_MIN),
        identity: this.identity,
        schemas,
        from: encodeSourcePosition(from),
        serverUuid: null,
        ...catalogue,
        form,
        version: RECORD_VERSION,
        held: [],
        outstandingBytesMax: 64 << 20,
      },
      LOG,
    );
    try {
      for await (const item of thread) {
        if (item.kind === "batch") batches.get(tableKey(item.batch.schema.id))?.push(item.batch);
        if (item.kind === "abort") throw new Error("the binlog connection broke");
        if (item.kind !== "position") continue;
        const [stop] = item.stops;
        if (stop !== undefined) throw new Error(`${formatTableId(stop.table)} stopped: ${stop.message}`);
        if (item.position.gtids.includes(until))
          return { batches, position: item.position, commitUs: item.commitUs };
      }
      throw new Error("the binlog stream ended before it reached the source's position");
    } finally {
      await thread.terminate();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}

function endpointOf(url: string): SourceEndpoint {
  const { hostname, port, username, password } = new URL(url);
  return {
    host: hostname,
    port: Number(port === "" ? 3306 : port),
    user: decodeURIComponent(username),
    password: new Secret(decodeURIComponent(password)),
    tls: { mode: "off", ca: null, cert: null, key: null },
    connectTimeoutMs: 10_000,
  };
}
