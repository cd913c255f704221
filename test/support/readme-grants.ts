import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The GRANT statements under "Set up the source", of the part that begins with the name of this server. */
export function readmeGrants(server: "MySQL" | "MariaDB"): readonly string[] {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const section = readme.slice(readme.indexOf("## Set up the source"), readme.indexOf("## Config"));
  const at = section.indexOf("\nMariaDB ");
  const part = server === "MySQL" ? section.slice(0, at) : section.slice(at);
  return Array.from(part.matchAll(/^GRANT .* TO tallylake;$/gm), ([statement]) => statement);
}
