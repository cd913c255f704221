/**
 * Runs before the program, by `node --import`, and makes it wrong on purpose, so that the oracle can show what
 * it notices. The environment names the place; the name of a table says what happens to its changes there.
 *
 * - `capture`: batches as the decoder hands them out, before anything has counted them.
 * - `channel`: batches on their way through the channel, behind capture's counts.
 * - `lake`: batches as they are staged, behind the counts of dedup.
 * - `repeat`: the channel hands over each batch a second time, as after a lost answer.
 * - `dedup`: a table called `twice` forgets what it already holds.
 */
import { BatchBuilder } from "../../src/capture/batch-builder.ts";
import { InProcessChannel } from "../../src/channel/in-process.ts";
import { TableApplier } from "../../src/dedup/table-applier.ts";
import { ChangeStage } from "../../src/lake/change-stage.ts";
import type { ChangeBatch } from "../../src/types/change-batch.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { must } from "../../src/util/assert.ts";
import { linesOf, withLines, type BatchLine } from "../support/batch-lines.ts";
import { BUG_SITE, type BugSite } from "../support/seeded-bug.ts";
import { wrapMethod } from "../support/wrap-method.ts";

type Bug = (lines: readonly BatchLine[]) => readonly BatchLine[];

/** The first line that fits goes through `change`; null takes it away. */
function changeFirst(
  lines: readonly BatchLine[],
  fits: (line: BatchLine) => boolean,
  change: (line: BatchLine) => BatchLine | null,
): readonly BatchLine[] {
  const at = lines.findIndex(fits);
  const line = lines[at];
  if (line === undefined) return lines;
  const changed = change(line);
  return lines.flatMap((other, i) => (i !== at ? other : (changed ?? [])));
}

const idOf = (line: BatchLine): string => must(/"id":(-?\d+)/.exec(line.row)?.[1], "the key of a row");

/** The texts of two updates of one row trade places. */
function swapUpdates(lines: readonly BatchLine[]): readonly BatchLine[] {
  const updates = lines.filter((line) => line.op === "u");
  for (const one of updates) {
    const other = updates.findLast((line) => line !== one && idOf(line) === idOf(one));
    if (other === undefined) continue;
    return lines.map((line) =>
      line === one ? { ...line, row: other.row } : line === other ? { ...line, row: one.row } : line,
    );
  }
  return lines;
}

const nextDigit = (digit: string): string => String((Number(digit) + 1) % 10);

const BUGS: Readonly<Record<string, Bug>> = {
  skip: (lines) =>
    changeFirst(
      lines,
      (line) => line.op === "c",
      () => null,
    ),
  drop_delete: (lines) =>
    changeFirst(
      lines,
      (line) => line.op === "d",
      () => null,
    ),
  swap: swapUpdates,
  micros: (lines) =>
    changeFirst(
      lines,
      (line) => line.op === "u" && idOf(line) === "3",
      (line) => ({
        ...line,
        row: line.row.replace(
          /(\.\d{5})(\d)"/,
          (_, most: string, last: string) => `${most}${nextDigit(last)}"`,
        ),
      }),
    ),
  truncate: (lines) =>
    changeFirst(
      lines,
      (line) => line.op === "c",
      (line) => ({
        ...line,
        row: line.row.replace(/("t":".*?).(")/u, "$1$2"),
      }),
    ),
};

function edit(batch: ChangeBatch): ChangeBatch {
  const bug = BUGS[batch.schema.id.table];
  return bug === undefined ? batch : withLines(batch, bug(linesOf(batch)));
}

function seedCapture(): void {
  wrapMethod(BatchBuilder.prototype, "take", ({ original }) => edit(original()));
}

/** `handedOver` says what the channel gets for a batch. */
function seedChannel(handedOver: (batch: ChangeBatch) => readonly ChangeBatch[]): void {
  wrapMethod(InProcessChannel.prototype, "writer", async ({ original }) => {
    const writer = await original();
    const append = writer.append.bind(writer);
    writer.append = async (batch) => {
      for (const handed of handedOver(batch)) await append(handed);
    };
    return writer;
  });
}

function seedLake(): void {
  wrapMethod(ChangeStage.prototype, "append", ({ args: [batch, shape], original }) =>
    original(edit(batch), shape),
  );
}

function seedDedup(): void {
  wrapMethod(TableApplier.prototype, "offer", ({ self, args: [batch, stop], original }) => {
    if (batch.schema.id.table === "twice")
      Object.defineProperty(self, "table", { value: forgetful(self.table), configurable: true });
    return original(batch, stop);
  });
}

const forgetful = (table: LakeTable): LakeTable =>
  new Proxy(table, {
    get(target, name) {
      if (name === "checkpoint") return null;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

const SEEDS: Readonly<Record<BugSite, () => void>> = {
  capture: seedCapture,
  channel: () => seedChannel((batch) => [edit(batch)]),
  repeat: () => seedChannel((batch) => [batch, batch]),
  lake: seedLake,
  dedup: seedDedup,
};

SEEDS[must(process.env[BUG_SITE], `the variable ${BUG_SITE}`) as BugSite]();
