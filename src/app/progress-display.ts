import { createLogUpdate } from "log-update";
import type { Log, LogOptions } from "../util/log.ts";
import type { Output } from "./output.ts";
import { progressFields, renderProgress, type SnapshotProgress } from "./progress.ts";

export interface ProgressDisplayOptions {
  readonly state: () => SnapshotProgress;
  readonly err: Output;
  readonly log: Log;
  readonly logFormat: LogOptions["format"];
  /** Calls back again and again until the returned function is called. */
  readonly every: (ms: number, call: () => void) => () => void;
}

const FRAME_MS = 200;
const LINE_MS = 10_000;

/** A timer that keeps no process alive. */
export function everyInterval(ms: number, call: () => void): () => void {
  const timer = setInterval(call, ms).unref();
  return () => clearInterval(timer);
}

/**
 * Shows the progress until the returned function is called: drawn on a terminal, as a log line from time to
 * time elsewhere, and when log lines are JSON.
 */
export function displayProgress(options: ProgressDisplayOptions): () => void {
  const hide = options.err.isTerminal && options.logFormat === "text" ? draw(options) : write(options);
  let isShown = true;
  return () => {
    // The last state is shown once, however many ways lead to the end.
    if (isShown) hide();
    isShown = false;
  };
}

function draw({ state, err, every }: ProgressDisplayOptions): () => void {
  const update = createLogUpdate(err.stream);
  const frame = (): void =>
    update(renderProgress(state(), { width: err.columns, linesMax: err.rows - 1 }).join("\n"));
  // A log line goes above the frame, which is drawn again below it.
  err.intercept((text) => {
    update.clear();
    err.stream.write(text);
    frame();
  });
  const stop = every(FRAME_MS, frame);
  frame();
  return () => {
    stop();
    err.intercept(null);
    frame();
    update.done();
  };
}

function write({ state, log, every }: ProgressDisplayOptions): () => void {
  const line = (): void => log.info("snapshot progress", progressFields(state()));
  const stop = every(LINE_MS, line);
  return () => {
    stop();
    line();
  };
}
