import { expect, test } from "vitest";
import { BINLOG_CASES } from "../../../scripts/cases/binlog.ts";
import { KAFKA_CASES } from "../../../scripts/cases/kafka.ts";
import { KEY_CASES } from "../../../scripts/cases/keys.ts";
import { SCHEMA_CHANGE_CASES } from "../../../scripts/cases/schema-changes.ts";
import { SNAPSHOT_CASES } from "../../../scripts/cases/snapshot.ts";
import { TYPE_CASES } from "../../../scripts/cases/types.ts";

test.for([
  [BINLOG_CASES, "A", 1, 70],
  [TYPE_CASES, "B", 71, 117],
  [KEY_CASES, "C", 118, 131],
  [SCHEMA_CHANGE_CASES, "D", 132, 154],
  [SNAPSHOT_CASES, "E", 155, 177],
] as const)("no number is left out: $0.title", ([section, letter, first, last]) => {
  const ids = Array.from({ length: last - first + 1 }, (_, i) => `${letter}${first + i}`);
  expect(section.cases.map(({ id }) => id)).toEqual(ids);
});

test("Kafka's numbers are all there", () => {
  const ids = KAFKA_CASES.cases.map(({ id }) => id);
  expect(ids).toEqual([
    ...Array.from({ length: 27 }, (_, i) => `F${178 + i}`),
    ...Array.from({ length: 18 }, (_, i) => `K${1 + i}`),
  ]);
  expect(KAFKA_CASES.isComplete).toBe(true);
});
