import { rm } from "node:fs/promises";
import { literal, type Sql } from "./duckdb.ts";
import { baseFileOptions } from "./parquet-options.ts";

/**
 * Writes rows into a Parquet file as Hudi's readers and co-writers want base files: no annotations beyond
 * those of the lake types, version 1 data pages, all columns optional (which DuckDB does by itself), and in
 * the footer the Avro schema and the word that dates are not rebased. Bloom filters and the range of keys are
 * left out: the bucket index needs neither.
 */
export interface BaseFile {
  /** SELECT of all columns in their order, the meta columns first. */
  readonly select: string;
  readonly path: string;
  /** Avro schema with the meta columns. */
  readonly avro: string;
  /** Whether a number of the rows may be -0.0. */
  readonly hasMinusZero: boolean;
  /** How many columns it has, about. */
  readonly columns: number;
}

/** Returns the number of rows. What was half written is removed. */
export async function writeBaseFile(sql: Sql, file: BaseFile): Promise<number> {
  const footer = {
    "parquet.avro.schema": file.avro,
    "writer.model.name": "avro",
    // Without it Spark refuses dates before 1582 and times before 1900.
    "org.apache.spark.version": "3.5.0",
  };
  const metadata = Object.entries(footer).map(([key, value]) => `${literal(key)}: ${literal(value)}`);
  const options = [
    ...baseFileOptions(file),
    "COMPRESSION zstd",
    // At the default level a merge spends a third of its time on compression. Every merge writes the whole
    // file again, so that time counts for more than files that are some 15 % smaller.
    "COMPRESSION_LEVEL 1",
    `KV_METADATA {${metadata.join(", ")}}`,
  ];
  try {
    return await sql.run(`COPY (${file.select}) TO ${literal(file.path)} (${options.join(", ")})`);
  } catch (error) {
    await rm(file.path, { force: true });
    throw error;
  }
}
