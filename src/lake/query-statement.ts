/**
 * What may be asked: one SELECT. DuckDB's own parser decides: it turns nothing else into its parse tree, and it
 * binds nothing on the way, so no file is touched by a statement that is refused.
 */
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { placeIn, queryFailed } from "./query-error.ts";
import type { QuerySession } from "./query-session.ts";

export interface QueryStatement {
  /** Without the semicolon at its end, so that it can stand in parentheses. */
  readonly sql: string;
  readonly tree: unknown;
}

const parsed = z.union([
  z.object({ error: z.literal(false), statements: z.array(z.unknown()) }),
  z.object({
    error: z.literal(true),
    error_type: z.string(),
    error_message: z.string(),
    position: z.string().regex(/^\d+$/).transform(Number).optional(),
  }),
]);

/** @throws SyncError QUERY_FAILED when the text is not one SELECT */
export async function readStatement(session: QuerySession, text: string): Promise<QueryStatement> {
  const result = await parse(session, text);
  if (result.error) {
    if (result.error_type === "parser") {
      throw queryFailed(result.error_message, {
        place: placeIn({ sql: text, offset: 0 }, result.position ?? null),
      });
    }
    throw notOneSelect("it is another kind of statement");
  }
  const [tree, ...more] = result.statements;
  if (tree === undefined) throw notOneSelect("it is empty");
  if (more.length > 0) throw notOneSelect(`it is ${more.length + 1} statements`);
  return { sql: await withoutEnd(session, text), tree };
}

/** Cuts at the semicolons behind which nothing follows but comments. */
async function withoutEnd(session: QuerySession, text: string): Promise<string> {
  let sql = text;
  for (let at = text.lastIndexOf(";"); at >= 0; at = text.lastIndexOf(";", at - 1)) {
    const rest = await parse(session, text.slice(at + 1));
    if (rest.error || rest.statements.length > 0) break;
    sql = text.slice(0, at);
    if (at === 0) break;
  }
  return sql;
}

async function parse(session: QuerySession, text: string): Promise<z.infer<typeof parsed>> {
  const json = await session.textOf("json_serialize_sql(?::VARCHAR)", text);
  return parsed.parse(JSON.parse(json.replace(JSON_PARTS, (part) => (part.startsWith('"') ? part : "null"))));
}

/** Strings, and the words that DuckDB writes for numbers which JSON does not have. */
const JSON_PARTS = /"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g;

const notOneSelect = (why: string): Error =>
  syncError("QUERY_FAILED", `a query is one SELECT; ${why}`, {
    hint: "write one SELECT, FROM, VALUES, SHOW, DESCRIBE or SUMMARIZE; a PIVOT needs its values by IN",
  });
