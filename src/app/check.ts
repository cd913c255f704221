import type { CheckOptions, CommandContext } from "./command.ts";
import { checkExitCode, checkJson, renderCheck, type CheckResult } from "./problem-view.ts";

/** `tallylake check`. `inspect` looks at source, lake and trace store, and finds all there is to find. */
export async function runCheck(
  context: CommandContext,
  options: CheckOptions,
  inspect: (context: CommandContext) => Promise<CheckResult>,
): Promise<number> {
  context.lifecycle.finishing(() => "nothing: a check changes nothing");
  const result = await inspect(context);
  const { out, paint } = context;
  out.write(
    options.format === "json"
      ? checkJson(result, options)
      : renderCheck(result, { width: out.columns, types: options.types, paint }),
  );
  return checkExitCode(result);
}
