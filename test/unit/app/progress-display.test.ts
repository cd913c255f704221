import { expect, test } from "vitest";
import { displayProgress } from "../../../src/app/progress-display.ts";
import { Log } from "../../../src/util/log.ts";
import { CapturedOutput } from "../../support/captured-output.ts";

const state = () => ({ tables: [], rowsPerSec: null, elapsedMs: 0 });

test.each([
  ["on a terminal", { isTTY: true, columns: 60, rows: 20 }],
  ["elsewhere", {}],
])("the last state is shown once, however often its end is called: %s", (_name, terminal) => {
  const err = new CapturedOutput(terminal);
  const log = new Log({ level: "info", format: "text", now: () => 0, write: (line) => err.write(line) });
  const running = new Set<string>();
  const hide = displayProgress({
    ...{ state, err, log, logFormat: "text" },
    every: () => {
      running.add("timer");
      return () => running.delete("timer");
    },
  });
  hide();
  const shown = err.text;
  expect(shown).not.toBe("");
  hide();
  expect(err.text).toBe(shown);
  expect([...running]).toEqual([]);
});
