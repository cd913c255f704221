import { expect, test } from "vitest";
import { kafkaTurnOf } from "../../../../scripts/soak/kafka-turn.ts";

test("within twelve turns each client has both kinds of clusters with both times of transactions", () => {
  const turns = Array.from({ length: 12 }, (_, i) => kafkaTurnOf(7 + i));
  for (const client of ["kafkajs", "librdkafka"] as const) {
    const own = turns.filter((turn) => turn.client === client);
    const kinds = own.map(({ brokers, channel }) => `${brokers} ${channel["transactionTimeout"] ?? "usual"}`);
    expect(kinds.sort()).toEqual(["1 3s", "1 3s", "1 usual", "1 usual", "3 3s", "3 usual"]);
  }
});
