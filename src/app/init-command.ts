import type { CommandContext, InitOptions } from "./command.ts";
import { runSnapshotRounds, type InitWaits } from "./snapshot-rounds.ts";

/** `tallylake init`. Tables that have their first commit are left alone, also by what is wrong with them. */
export function initCommand(
  context: CommandContext,
  options: InitOptions,
  waits: InitWaits = {},
): Promise<number> {
  return runSnapshotRounds(context, {
    ...{ options, waits, commit: "first commit" },
    open: async (session) => {
      const { tables, total } = await session.openNewTables();
      const nothing = `all ${total} tables have their first commit: nothing to do\nnext: tallylake follow\n`;
      return { tables, nothing };
    },
    onCommitted: () => undefined,
  });
}
