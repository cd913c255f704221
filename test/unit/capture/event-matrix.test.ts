import { expect, test } from "vitest";
import { eventCells } from "../../support/event-matrix.ts";
import { readmeTable } from "../../support/support-matrix.ts";

test("the README's table of events says what becomes of each: `node scripts/make-support-matrix.ts` writes it", async () => {
  const shown = new Map([...(await readmeTable("event"))].filter(([name]) => name !== ""));
  expect(shown).toEqual(eventCells());
});
