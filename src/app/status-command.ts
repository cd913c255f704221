import type { CommandContext, StatusOptions } from "./command.ts";
import { gatherStatus } from "./status-facts.ts";
import { deriveStatus } from "./status-model.ts";
import { renderStatus, statusExitCode, statusJson } from "./status-view.ts";

/** `tallylake status`. */
export async function statusCommand(context: CommandContext, options: StatusOptions): Promise<number> {
  const { out, paint, lifecycle } = context;
  lifecycle.finishing(() => "nothing: looking changes nothing");
  const status = deriveStatus(await gatherStatus(context));
  out.write(
    options.format === "json" ? statusJson(status) : renderStatus(status, { width: out.columns, paint }),
  );
  return statusExitCode(status);
}
