import { expect, test } from "vitest";
import { newKafkaId, scramArgs } from "../../../../scripts/kafka/data-folder.ts";

test("ids are 16 bytes as Kafka writes them, and never look like an option", () => {
  const ids = Array.from({ length: 500 }, newKafkaId);
  expect(new Set(ids).size).toBe(500);
  expect(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(id))).toEqual([]);
});

test("each user may log in by both kinds of SCRAM", () => {
  expect(scramArgs({})).toEqual([]);
  expect(scramArgs({ ann: "secret" })).toEqual([
    "--add-scram",
    'SCRAM-SHA-256=[name="ann",password="secret"]',
    "--add-scram",
    'SCRAM-SHA-512=[name="ann",password="secret"]',
  ]);
});
