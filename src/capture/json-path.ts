import { corrupt } from "./corrupt.ts";

/** A leg of a path that leads to exactly one value. */
export type PathLeg =
  | { readonly kind: "member"; readonly name: Uint8Array }
  | { readonly kind: "cell"; readonly index: number; readonly isFromEnd: boolean };

const LEG = /\.\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s."[\]]+))|\[\s*(?:(\d+)|last(?:\s*-\s*(\d+))?)\s*\]/uy;

/** A path as MySQL writes it: `$`, then `.name`, `."quoted name"`, `[3]`, `[last]` or `[last-2]`. */
export function parseJsonPath(text: string): readonly PathLeg[] {
  if (!text.startsWith("$")) throw notAPath();
  const legs: PathLeg[] = [];
  let at = 1;
  while (at < text.length) {
    LEG.lastIndex = at;
    const match = LEG.exec(text);
    if (match === null) throw notAPath();
    at = LEG.lastIndex;
    const [, quoted, plain, index, fromEnd] = match;
    const name = quoted === undefined ? plain : unquoted(quoted);
    if (name !== undefined) legs.push({ kind: "member", name: Buffer.from(name) });
    else legs.push({ kind: "cell", index: Number(index ?? fromEnd ?? 0), isFromEnd: index === undefined });
  }
  return legs;
}

/** A name in quotes is a JSON string. */
function unquoted(name: string): string {
  try {
    return JSON.parse(`"${name}"`) as string;
  } catch {
    throw notAPath();
  }
}

const notAPath = (): Error => corrupt("a JSON diff has a path that cannot be read");
