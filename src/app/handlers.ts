import type { Handlers } from "./command.ts";

/**
 * The commands behind the command line. Each is loaded when it is called, so that `--help` and a mistake in
 * the config do not wait for DuckDB and ClickHouse.
 */
export const handlers: Handlers = {
  new: async (context, options) => {
    const { runNew } = await import("./new.ts");
    const { discoverSource } = await import("./inspect.ts");
    return runNew(context, options, discoverSource);
  },
  check: async (context, options) => {
    const { runCheck } = await import("./check.ts");
    const { inspectAll } = await import("./inspect.ts");
    return runCheck(context, options, inspectAll);
  },
  init: async (context, options) => {
    const { initCommand } = await import("./init-command.ts");
    return initCommand(context, options);
  },
  resnapshot: async (context, options) => {
    const { resnapshotCommand } = await import("./resnapshot-command.ts");
    return resnapshotCommand(context, options);
  },
  remove: async (context, options) => {
    const { removeCommand } = await import("./remove-command.ts");
    return removeCommand(context, options);
  },
  follow: async (context, options) => {
    const { followCommand } = await import("./follow-command.ts");
    return followCommand(context, options);
  },
  capture: async (context, options) => {
    const { captureCommand } = await import("./capture-command.ts");
    return captureCommand(context, options);
  },
  apply: async (context, options) => {
    const { applyCommand } = await import("./apply-command.ts");
    return applyCommand(context, options);
  },
  report: async (context, options) => {
    const { reportCommand } = await import("./report-command.ts");
    return reportCommand(context, options);
  },
  status: async (context, options) => {
    const { statusCommand } = await import("./status-command.ts");
    return statusCommand(context, options);
  },
  query: async (context, options) => {
    const { queryCommand } = await import("./query-command.ts");
    return queryCommand(context, options);
  },
};
