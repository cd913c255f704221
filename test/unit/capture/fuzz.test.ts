import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../scripts/random.ts";
import { EVENT } from "../../../src/capture/binlog-event.ts";
import { readCorpus, typeOf } from "../../support/binlog-corpus.ts";
import { BinlogFuzz } from "../../support/binlog-fuzz.ts";

/** Recorded by `scripts/record-binlog.ts`; a server writes a heartbeat only to a reader, and some types not by request. */
const CORPORA = [
  {
    corpus: readCorpus("mysql-9.7"),
    never: [
      "heartbeat",
      "heartbeatV2",
      "ignorable",
      "incident",
      "anonymousGtid",
      "transactionContext",
      "stop",
      "viewChange",
    ],
    loads: ["beginLoadQuery", "executeLoadQuery"],
    old: ["writeRowsV1", "updateRowsV1", "deleteRowsV1"],
  },
] as const;

const MUTATIONS = 200_000;
/** That of a new column buffer or line: a few hundred bytes of event warrant no more. */
const ALLOCATED_MAX = 1 << 16;

describe.for(CORPORA)("$corpus.name", ({ corpus, never, loads, old }) => {
  test("the recorded events are of every type that the server writes", () => {
    const recorded = new Set(corpus.pieces.flatMap(({ bare }) => bare).map(typeOf));
    // From 160 on they are those of MariaDB.
    const names = Object.entries(EVENT).flatMap(([name, type]) =>
      recorded.has(type) || type >= 160 ? [] : [name],
    );
    expect(names.toSorted()).toEqual([...never, ...loads, ...old].toSorted());
    expect(corpus.schemas.map(({ id }) => id.table).toSorted()).toEqual([
      "bytes",
      "documents",
      "integers",
      "members",
      "numbers",
      "texts",
      "times",
    ]);
  });

  test(
    "A40: what a damaged event can do is be refused, or be another event",
    { timeout: 180_000 },
    async () => {
      const fuzz = new BinlogFuzz(corpus, seededRandom(20_261_201));
      const { wrong, mutations, accepted, allocatedMax } = await fuzz.run(MUTATIONS);
      expect(wrong).toEqual([]);
      expect(mutations).toBe(MUTATIONS);
      // Neither of nothing but refusals, nor of changes that change nothing.
      expect(accepted).toBeGreaterThan(MUTATIONS / 5);
      expect(accepted).toBeLessThan(MUTATIONS / 2);
      expect(allocatedMax).toBeLessThanOrEqual(ALLOCATED_MAX);
    },
  );
});
