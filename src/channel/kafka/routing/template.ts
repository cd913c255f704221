/** The topic of a rule: text with {source}, {database} and {table}, and with columns' values as {column:name}. */
export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "column"; readonly name: string };

export const TABLE_VARIABLES = ["source", "database", "table"] as const;
const COLUMN = /\{column:([^{}]+)\}/;

export function templateParts(template: string): readonly TemplatePart[] {
  // Of a split by a group, every other part is what the group took.
  return template.split(COLUMN).flatMap((piece, i): TemplatePart[] => {
    if (i % 2 === 1) return [{ kind: "column", name: piece }];
    return piece === "" ? [] : [{ kind: "text", text: piece }];
  });
}

export const templateColumns = (template: string): readonly string[] =>
  templateParts(template).flatMap((part) => (part.kind === "column" ? [part.name] : []));
