import { z } from "zod";
import { BYTES_FORMS, TEXT_CHARSETS, TEXT_FORMS, type TableSchema } from "../types/table-schema.ts";

const small = z.number().int().nonnegative();

const columnTypeJson = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("int"),
    bytes: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(8)]),
    unsigned: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("decimal"), precision: small, scale: small }),
  z.strictObject({ kind: z.literal("float") }),
  z.strictObject({ kind: z.literal("double") }),
  z.strictObject({ kind: z.literal("bit"), bits: small }),
  z.strictObject({
    kind: z.literal("text"),
    form: z.enum(TEXT_FORMS),
    charset: z.enum(TEXT_CHARSETS),
  }),
  z.strictObject({
    kind: z.literal("bytes"),
    form: z.enum(BYTES_FORMS),
    length: small.nullable(),
  }),
  z.strictObject({ kind: z.literal("date") }),
  z.strictObject({ kind: z.literal("time"), fsp: small }),
  z.strictObject({ kind: z.literal("datetime"), fsp: small }),
  z.strictObject({ kind: z.literal("timestamp"), fsp: small }),
  z.strictObject({ kind: z.literal("year") }),
  z.strictObject({ kind: z.literal("enum"), members: z.array(z.string()) }),
  z.strictObject({ kind: z.literal("set"), members: z.array(z.string()) }),
  z.strictObject({ kind: z.literal("json") }),
]);

const tableSchemaJson = z.strictObject({
  id: z.strictObject({ database: z.string().min(1), table: z.string().min(1) }),
  columns: z
    .array(z.strictObject({ name: z.string().min(1), type: columnTypeJson, mysqlType: z.string() }))
    .min(1),
  primaryKey: z.array(z.string()).min(1),
  keyIndex: z.strictObject({ name: z.string().min(1), prefixes: z.array(small) }).optional(),
  version: z.string().min(1),
});

export const encodeTableSchema = (schema: TableSchema): string => JSON.stringify(schema);

/** @throws RangeError when the text is not a schema as we know it. */
export function decodeTableSchema(text: string): TableSchema {
  try {
    return tableSchemaJson.parse(JSON.parse(text));
  } catch (error) {
    throw new RangeError(`not a table schema: ${text.slice(0, 200)}`, { cause: error });
  }
}
