import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Files at the root of the package lie two levels above this one, in src/ as well as in dist/. */
const ofPackage = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

export const packageVersion = (): string =>
  z.object({ version: z.string() }).parse(JSON.parse(readFileSync(ofPackage("package.json"), "utf8")))
    .version;

/** The JSON Schema of the config, for editors. */
export const configSchemaFile = (): string => ofPackage("tallylake.schema.json");
