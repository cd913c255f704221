import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CONFIG_SCHEMA_FILE, configSchemaText } from "../../../scripts/make-config-schema.ts";

test("tallylake.schema.json is up to date: `node scripts/make-config-schema.ts` writes it", async () => {
  expect(readFileSync(CONFIG_SCHEMA_FILE, "utf8")).toBe(await configSchemaText());
});

test("every key is described", () => {
  const undescribed: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties, items, anyOf } = node as Record<string, unknown>;
    for (const [key, child] of Object.entries(
      (properties ?? {}) as Record<string, { description?: string }>,
    )) {
      if (child.description === undefined) undescribed.push(`${path}${key}`);
      walk(child, `${path}${key}.`);
    }
    walk(items, path);
    for (const branch of (anyOf ?? []) as unknown[]) walk(branch, path);
  };
  walk(JSON.parse(readFileSync(CONFIG_SCHEMA_FILE, "utf8")), "");
  expect(undescribed).toEqual([]);
});
