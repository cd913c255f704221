const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * The text of a Java properties file. Java reads such a file as Latin-1, ends a value at the end of its line, and
 * drops spaces before it; all of these are escaped, so that a value may be any text, such as a certificate.
 */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${escape(name).replace(/[ :=]/g, "\\$&")}=${escape(value)}\n`)
    .join("");
}

function escape(text: string): string {
  return text
    .replace(/[\\\n\r\t]/g, (char) => ESCAPES[char] ?? char)
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(/^[ #!]/, "\\$&");
}
