/**
 * Runs before the program, by `node --import`, in the main thread and again in the capture thread, and
 * installs the hook of the named steps there. Steps have different names in the two threads, so each thread
 * counts its own.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { TrackedTables } from "../../src/capture/tracked-tables.ts";
import { setStepHook } from "../../src/util/step.ts";
import { STEP_PLAN, type Gate, type StepPlan } from "../support/step-plan.ts";

const GATE_POLL_MS = 2;
const PARENT_POLL_MS = 500;
/** Of the limits of a capture session; a unit ends there. */
const SESSION_ROWS_MAX = 50_000;

const plan = JSON.parse(process.env[STEP_PLAN] ?? "{}") as StepPlan;
const passed = new Map<string, number>();

setStepHook((name) => {
  const nth = (passed.get(name) ?? 0) + 1;
  passed.set(name, nth);
  if (plan.record !== undefined) appendFileSync(plan.record, `${name}\n`);
  for (const gate of plan.gates ?? []) if (gate.step === name && gate.nth === nth) wait(gate);
  if (plan.kill?.step === name && plan.kill.nth === nth) process.kill(process.pid, "SIGKILL");
});

/** Blocks the thread, since a step is not a point at which the program could wait. */
function wait(gate: Gate): void {
  writeFileSync(gate.reached, "");
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(gate.open)) Atomics.wait(cell, 0, 0, GATE_POLL_MS);
}

if (plan.unitRows !== undefined) {
  const factor = SESSION_ROWS_MAX / plan.unitRows;
  const property = Object.getOwnPropertyDescriptor(TrackedTables.prototype, "pendingRows");
  if (property?.get === undefined) throw new Error("TrackedTables has no pendingRows any more");
  const before = Object.create(null, { pendingRows: property }) as object;
  Object.defineProperty(TrackedTables.prototype, "pendingRows", {
    get(this: TrackedTables) {
      return Number(Reflect.get(before, "pendingRows", this)) * factor;
    },
  });
}

// A test that is killed must not leave its children behind; one that waits at a gate goes with them.
if (isMainThread) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  }, PARENT_POLL_MS).unref();
}
