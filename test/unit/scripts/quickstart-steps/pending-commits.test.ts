import { expect, test } from "vitest";
import { pendingInstants } from "../../../../scripts/quickstart-steps/pending-commits.ts";

test("an instant is pending from its first file until its commit", () => {
  const completed = [
    "20261121031356791.commit",
    "20261121031356791.commit.requested",
    "20261121031356791.inflight",
  ];
  expect(pendingInstants([...completed, "hoodie.properties", "archived"])).toEqual([]);
  expect(pendingInstants([...completed, "20261121031423564.commit.requested"])).toEqual([
    "20261121031423564",
  ]);
  expect(
    pendingInstants(["20261121031423565.inflight", ...completed, "20261121031423565.commit.requested"]),
  ).toEqual(["20261121031423565"]);
});
