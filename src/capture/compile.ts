/** What generated code refers to, by the names it uses. */
export type CodeNames = ReadonlyMap<string, unknown>;

/**
 * Runs the body of a function that returns generated code, with these names in its scope. It is the one place at
 * which text becomes code. What a user can choose gets into a body as numbers and as string literals that
 * JSON.stringify made, and in no other way.
 */
export function compile(names: CodeNames, body: string): unknown {
  const make = new Function(...names.keys(), `"use strict";\n${body}`) as (...values: unknown[]) => unknown;
  return make(...names.values());
}
