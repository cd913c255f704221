/**
 * Names of the lake. Avro, and with it Hudi, takes letters of ASCII, digits and `_`; MySQL takes nearly every
 * character. What Avro cannot hold is written as SQL/XML does it (ISO 9075-14): `_xHHHH_`, four hexadecimal digits
 * of the character, so that each name has one spelling and each spelling one name, and no two columns of a table
 * can meet, not even for readers that do not tell upper from lower case.
 *
 *     日本           _x65E5__x672C_
 *     1st            _x0031_st
 *     a_x0041_b      a_x005F_x0041_b     it would read like an escape
 *     _hoodie_file   _x005F_hoodie_file  reserved for Hudi's columns, as `_tl_` is for ours
 *
 * A name that is legal and none of these stays as it is. The name of MySQL stands in the field's `doc` of the Avro
 * schema and in the schema that each commit carries, and `tallylake query` shows that one.
 */
const LEGAL = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** DuckDB and Spark do not tell upper from lower case in names of columns. */
const RESERVED = /^_(hoodie|tl)_/i;
const ESCAPE = /_x[0-9a-f]{4}_/gi;

export function lakeName(name: string): string {
  const isReserved = RESERVED.test(name);
  if (LEGAL.test(name) && !isReserved && name.search(ESCAPE) < 0) return name;
  // Each `_` before an x is escaped: an escape behind it could else be read as beginning there.
  const escaped = name.replaceAll(/[^A-Za-z0-9_]|_(?=x)/gi, escapeOf).replace(/^[0-9]/, escapeOf);
  return isReserved ? escaped.replace(/^_/, escapeOf) : escaped;
}

/** Of one UTF-16 unit; MySQL has no others in names. */
const escapeOf = (character: string): string =>
  `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`;

/** The name of MySQL that has this name in the lake. */
export const sourceName = (name: string): string =>
  name.replaceAll(ESCAPE, (escape) => String.fromCharCode(Number.parseInt(escape.slice(2, 6), 16)));
