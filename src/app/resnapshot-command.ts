import { EXIT } from "../types/errors.ts";
import { tableKey } from "../types/table-id.ts";
import { matchesTable } from "../types/table-pattern.ts";
import type { CommandContext, ResnapshotOptions } from "./command.ts";
import { DaemonClient } from "./daemon-client.ts";
import { runSnapshotRounds } from "./snapshot-rounds.ts";

/**
 * `tallylake resnapshot`: reads tables again, and replaces by one commit what the lake has of them. A `follow` that
 * runs has the tables, so it is asked to do it; else it is done here.
 */
export async function resnapshotCommand(
  context: CommandContext,
  options: ResnapshotOptions,
): Promise<number> {
  const { config, out } = context;
  const daemon = await DaemonClient.find(config.stateDir);
  if (daemon !== null) {
    const names = await daemon.resnapshot(options.tables);
    out.write(`the running follow reads again: ${names.join(", ")}\nnext: tallylake status\n`);
    return EXIT.ok;
  }
  const done = new Set<string>();
  return runSnapshotRounds(context, {
    ...{ options, waits: {}, commit: "new commit" },
    open: async (session) => {
      const tables = await session.openTables((id) => options.tables.some((one) => matchesTable(one, id)));
      const left = tables.filter(({ schema }) => !done.has(tableKey(schema.id)));
      for (const { schema, lake } of left) if (lake.checkpoint !== null) await lake.renew(schema);
      return { tables: left, nothing: "" };
    },
    onCommitted: (tables) => {
      for (const id of tables) done.add(tableKey(id));
    },
  });
}
