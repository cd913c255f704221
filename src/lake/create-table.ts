/** What makes a folder a Hudi table. */
import { join } from "node:path";
import { step } from "../util/step.ts";
import { avroSchema } from "./avro-schema.ts";
import { lakeColumns, ORDERING_COLUMN } from "./lake-column.ts";
import { lakeName } from "./lake-name.ts";
import type { RowShape } from "./row-shape.ts";
import type { TableFolder } from "./table-options.ts";
import { formatTableProperties } from "./table-properties.ts";

/** The properties come last, since they are what readers look for. */
export async function createTable(folder: TableFolder, shape: RowShape, instant: string): Promise<void> {
  const { storage, paths } = folder;
  await storage.createFolder(join(paths.hoodie, "archived"));
  step("lake.create.folders");
  await storage.replace(
    paths.partitionMetadata,
    `#partition metadata\ncommitTime=${instant}\npartitionDepth=0\n`,
  );
  step("lake.create.partition");
  await writeProperties(folder, shape);
}

/** Written when the table is made, and when it is renewed with another primary key. */
export async function writeProperties({ storage, paths }: TableFolder, shape: RowShape): Promise<void> {
  const { schema } = shape;
  // A checksum beside a file of that name, from whatever was here before, would make Java refuse the file.
  await storage.remove(join(paths.hoodie, ".hoodie.properties.crc"));
  const properties = formatTableProperties({
    databaseName: lakeName(schema.id.database),
    tableName: lakeName(schema.id.table),
    recordKeys: shape.keys.map(({ name }) => name),
    orderingColumn: ORDERING_COLUMN,
    // Properties are ASCII without escapes, so that names of the source have no place in them.
    createSchema: avroSchema(
      lakeName(schema.id.table),
      lakeColumns(schema, shape.zeroDates).map(({ name, type }) => ({ name, type })),
      "without",
    ),
  });
  await storage.replace(paths.properties, properties);
  step("lake.create.properties");
}

/** Avro schema of the table, with Hudi's meta columns or without them. */
export const avroOf = (shape: RowShape, meta: "with" | "without"): string =>
  avroSchema(lakeName(shape.schema.id.table), lakeColumns(shape.schema, shape.zeroDates), meta);
