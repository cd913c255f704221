/** Writes tallylake.schema.json, by which editors check and complete a tallylake.yaml. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { configJsonSchema } from "../src/app/config-schema.ts";

export const CONFIG_SCHEMA_FILE = fileURLToPath(new URL("../tallylake.schema.json", import.meta.url));

/** The file's content. It carries no date and no version, so that it changes with the schema only. */
export const configSchemaText = (): Promise<string> =>
  format(JSON.stringify(configJsonSchema()), { parser: "json", printWidth: 110 });

if (import.meta.main) writeFileSync(CONFIG_SCHEMA_FILE, await configSchemaText());
