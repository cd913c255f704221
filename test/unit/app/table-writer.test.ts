import { expect, test } from "vitest";
import { tableWriter, writerBy, type TableWriter } from "../../../src/app/table-writer.ts";
import type { DaemonStatus } from "../../../src/app/daemon-protocol.ts";
import { tempDir } from "../../support/temp-dir.ts";

const orders = { database: "shop", table: "orders" };
const refund = { database: "shop", table: "refund" };
const followed = (id: typeof orders): DaemonStatus["tables"][number] => ({
  ...{ ...id, checkpoint: "", through: "", throughCommitMs: null },
});
const stop = (id: typeof orders): DaemonStatus["stops"][number] => ({
  ...{
    ...id,
    code: "TABLE_DDL",
    message: "ALTER",
    hint: "run init",
    file: "binlog.000001",
    offset: 4,
    gtids: "",
  },
});

test.each<[string, Pick<DaemonStatus, "tables" | "stops" | "renewals">, TableWriter]>([
  ["has not begun its stream", { tables: [], stops: [], renewals: [] }, "there"],
  ["follows the table", { tables: [followed(refund), followed(orders)], stops: [], renewals: [] }, "there"],
  [
    "has stopped another",
    { tables: [followed(refund), followed(orders)], stops: [stop(refund)], renewals: [] },
    "there",
  ],
  [
    "has stopped it",
    { tables: [followed(refund), followed(orders)], stops: [stop(orders)], renewals: [] },
    "stopped",
  ],
  [
    "reads it again",
    { tables: [followed(refund)], stops: [], renewals: [{ ...stop(orders), chunks: null }] },
    "there",
  ],
  ["left it out when it began", { tables: [followed(refund)], stops: [], renewals: [] }, "stopped"],
])("a follow that %s", (_name, status, expected) => {
  expect(writerBy(status, orders)).toBe(expected);
});

test("without a process that follows, a table that nobody ever locked has no writer", async () => {
  await using dir = await tempDir();
  expect(await tableWriter({ stateDir: dir.path, lakeDir: dir.path }, orders)).toBe("absent");
});
