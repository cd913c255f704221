/** Writes tallylake.schema.json, by which editors check and complete a tallylake.yaml. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "oxfmt";
import { configJsonSchema } from "../src/app/config-schema.ts";

export const CONFIG_SCHEMA_FILE = fileURLToPath(new URL("../tallylake.schema.json", import.meta.url));

/** The file's content. It carries no date and no version, so that it changes with the schema only. */
export async function configSchemaText(): Promise<string> {
  const { code } = await format(CONFIG_SCHEMA_FILE, JSON.stringify(configJsonSchema()), { printWidth: 110 });
  return code;
}

if (import.meta.main) writeFileSync(CONFIG_SCHEMA_FILE, await configSchemaText());
