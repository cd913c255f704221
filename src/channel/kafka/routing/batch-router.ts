import { OP_CODE, type ChangeBatch, type RowRecords } from "../../../types/change-batch.ts";
import { parseGtid, type GtidSet } from "../../../types/gtid.ts";
import { tableKey } from "../../../types/table-id.ts";
import type { TableSchema } from "../../../types/table-schema.ts";
import type { RoutingStage } from "./stages.ts";
import { TableRouter, type RoutingNames } from "./table-router.ts";
import type { TopicPool } from "./topic-pool.ts";

/** Where the rows of a batch go. */
export interface BatchTopics {
  readonly topics: readonly string[];
  /** Of each row the index of its topic; null when there is one topic for all of them. */
  readonly ofRow: Uint32Array | null;
}

/** Behind what the values of all operations begin with the row before stands; no text in front can hold this. */
const BEFORE = Buffer.from('},"before":');

/** The topics of the changes that come, by the stage that each transaction belongs to. */
export class BatchRouter {
  readonly #names: RoutingNames;
  readonly #pool: TopicPool;
  #stages: readonly LiveStage[] = [];

  constructor(names: RoutingNames, pool: TopicPool) {
    this.#names = names;
    this.#pool = pool;
  }

  /** Routes by these stages what comes behind `from`. */
  use(stages: readonly RoutingStage[], from: GtidSet): void {
    const all = stages.length === 0 ? [{ until: null, rules: [] }] : stages;
    // What is in the position already does not come again, so most stages need not be looked at.
    this.#stages = all
      .filter(({ until }) => until === null || !from.includes(until))
      .map(({ until, rules }) => {
        const routers = new Map<string, TableRouter>();
        return {
          until,
          routerOf: (schema) => {
            const key = `${schema.version} ${tableKey(schema.id)}`;
            const router = routers.get(key) ?? new TableRouter(schema, rules, this.#names, this.#pool);
            routers.set(key, router);
            return router;
          },
        };
      });
  }

  /** Topics that the table's changes go to whatever they hold. */
  namedTopics(schema: TableSchema): readonly string[] {
    const router = this.#stageFor(null).routerOf(schema);
    return router.named.map((topic) => this.#pool.name(topic));
  }

  /**
   * `rows` are those of the batch as capture wrote them.
   * @throws SyncError KAFKA_ROUTING when a row's values cannot make a topic
   */
  route(batch: ChangeBatch, rows: RowRecords): BatchTopics {
    const { schema, transactions, count, op } = batch;
    // No transaction has written the rows of a snapshot: they go by the rules in force.
    const isSnapshot = op[0] === OP_CODE.r;
    const routers = transactions.map(({ gtid }) => this.#stageFor(isSnapshot ? null : gtid).routerOf(schema));
    const [first] = routers;
    const only = first?.only ?? null;
    if (only !== null && routers.every((router) => router.only === only)) {
      return { topics: [this.#pool.name(only)], ofRow: null };
    }
    const ofRow = new Uint32Array(count);
    transactions.forEach(({ firstRow }, i) => {
      const end = transactions[i + 1]?.firstRow ?? count;
      routeRows(routers[i] as TableRouter, { batch, rows, from: firstRow, to: end }, ofRow);
    });
    return this.#numbered(ofRow);
  }

  /** With numbers that count the topics of this batch alone. */
  #numbered(ofRow: Uint32Array): BatchTopics {
    const numbers = new Int32Array(this.#pool.size).fill(-1);
    const topics: string[] = [];
    for (let i = 0; i < ofRow.length; i++) {
      const topic = ofRow[i] as number;
      let number = numbers[topic] as number;
      if (number < 0) {
        number = topics.push(this.#pool.name(topic)) - 1;
        numbers[topic] = number;
      }
      ofRow[i] = number;
    }
    return { topics, ofRow: topics.length > 1 ? ofRow : null };
  }

  /** The last stage has no end. */
  #stageFor(gtid: string | null): LiveStage {
    const last = this.#stages.at(-1) as LiveStage;
    if (gtid === null || this.#stages.length === 1) return last;
    const parsed = parseGtid(gtid);
    return this.#stages.find(({ until }) => until === null || until.contains(parsed)) ?? last;
  }
}

interface LiveStage {
  readonly until: GtidSet | null;
  readonly routerOf: (schema: TableSchema) => TableRouter;
}

interface RowRun {
  readonly batch: ChangeBatch;
  readonly rows: RowRecords;
  readonly from: number;
  readonly to: number;
}

function routeRows(router: TableRouter, { batch, rows, from, to }: RowRun, ofRow: Uint32Array): void {
  if (router.only !== null) {
    ofRow.fill(router.only, from, to);
    return;
  }
  const { bytes, rowStart, keyEnd, valueEnd } = rows;
  const { op } = batch;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = from; i < to; i++) {
    // Of a delete the row that a table takes is its key, and the row as it was stands in the value.
    const isDelete = op[i] === OP_CODE.d;
    const at = isDelete ? buffer.indexOf(BEFORE, keyEnd[i]) + BEFORE.length : (rowStart[i] as number);
    ofRow[i] = router.route(bytes, at, valueEnd[i] as number);
  }
}
