import { expect, test } from "vitest";
import { kafkaTurnOf } from "../../../../scripts/soak/kafka-turn.ts";

test("within four turns each client has both times of transactions", () => {
  const turns = Array.from({ length: 4 }, (_, i) => kafkaTurnOf(7 + i));
  const kinds = turns.map(({ client, channel }) => `${client} ${channel["transactionTimeout"] ?? "usual"}`);
  expect(kinds.sort()).toEqual(["kafkajs 3s", "kafkajs usual", "librdkafka 3s", "librdkafka usual"]);
});
