import { expect, test } from "vitest";
import { readColumnType, type CatalogueType, type TypeReading } from "../../../src/capture/column-type.ts";

function read(columnType: string, more: Partial<CatalogueType> = {}): TypeReading {
  const dataType = /^\w+/.exec(columnType)?.[0] ?? "";
  return readColumnType({
    dataType,
    columnType,
    charset: null,
    precision: 0,
    scale: 0,
    fsp: 0,
    length: 0,
    ...more,
  });
}

test("integers by width and sign", () => {
  expect(read("tinyint(1)").type).toEqual({ kind: "int", bytes: 1, unsigned: false });
  expect(read("smallint unsigned").type).toEqual({ kind: "int", bytes: 2, unsigned: true });
  expect(read("mediumint").type).toEqual({ kind: "int", bytes: 3, unsigned: false });
  expect(read("int(8) unsigned zerofill").type).toEqual({ kind: "int", bytes: 4, unsigned: true });
  expect(read("bigint unsigned").type).toEqual({ kind: "int", bytes: 8, unsigned: true });
});

test("B73: decimals of all digits that there are", () => {
  const decimal = (precision: number, scale: number) =>
    read(`decimal(${precision},${scale})`, { precision, scale }).type;
  expect(decimal(38, 30)).toEqual({ kind: "decimal", precision: 38, scale: 30 });
  expect(decimal(65, 0)).toEqual({ kind: "decimal", precision: 65, scale: 0 });
});

test("what a type keeps is what a TABLE_MAP event knows as well", () => {
  expect(read("float(7,4)", { precision: 7, scale: 4 }).type).toEqual({ kind: "float" });
  expect(read("double unsigned", { precision: 22 }).type).toEqual({ kind: "double" });
  expect(read("bit(12)", { precision: 12 }).type).toEqual({ kind: "bit", bits: 12 });
  expect(read("date").type).toEqual({ kind: "date" });
  expect(read("year").type).toEqual({ kind: "year" });
  expect(read("json").type).toEqual({ kind: "json" });
  expect(read("time(3)", { fsp: 3 }).type).toEqual({ kind: "time", fsp: 3 });
  expect(read("datetime").type).toEqual({ kind: "datetime", fsp: 0 });
  expect(read("timestamp(6)", { fsp: 6 }).type).toEqual({ kind: "timestamp", fsp: 6 });
  expect(read("binary(16)", { length: 16 }).type).toEqual({ kind: "bytes", form: "binary", length: 16 });
  expect(read("varbinary(9)", { length: 9 }).type).toEqual({ kind: "bytes", form: "varbinary", length: 9 });
  for (const blob of ["tinyblob", "blob", "mediumblob", "longblob"]) {
    expect(read(blob, { length: 255 }).type).toEqual({ kind: "bytes", form: "blob", length: null });
  }
  for (const text of ["tinytext", "text", "mediumtext", "longtext"]) {
    expect(read(text, { charset: "latin1" }).type).toEqual({ kind: "text", form: "text", charset: "latin1" });
  }
  expect(read("char(3)", { charset: "ascii" }).type).toEqual({
    kind: "text",
    form: "char",
    charset: "ascii",
  });
});

test("B97 B106: spatial types and vectors are bytes, whatever their subtype, SRID or dimension", () => {
  for (const type of ["geometry", "point", "multipolygon", "geomcollection", "geometrycollection"]) {
    expect(read(type).type).toEqual({ kind: "bytes", form: "geometry", length: null });
  }
  expect(read("vector(3)", { length: 12 }).type).toEqual({ kind: "bytes", form: "vector", length: null });
});

test("character sets by name", () => {
  const charset = (name: string) => read("varchar(9)", { charset: name });
  expect(charset("utf8mb4").type).toEqual({ kind: "text", form: "varchar", charset: "utf8mb4" });
  expect(charset("utf8mb3").type).toEqual({ kind: "text", form: "varchar", charset: "utf8mb3" });
  expect(charset("utf8").type).toEqual({ kind: "text", form: "varchar", charset: "utf8mb3" });
  expect(charset("gbk").type).toEqual({ kind: "text", form: "varchar", charset: "gbk" });
  expect(charset("big5hkscs").refusal).toEqual({ code: "TABLE_CHARSET_UNSUPPORTED", what: "big5hkscs" });
  expect(read("enum('a')", { charset: "utf16" }).type).toEqual({ kind: "enum", members: ["a"] });
  expect(read("enum('a')").refusal).toEqual({ code: "TABLE_CHARSET_UNSUPPORTED", what: "binary" });
});

test("members of ENUM and SET in the catalogue's escapes", () => {
  const members = (text: string) => read(text, { charset: "utf8mb4" }).type;
  expect(members(String.raw`enum('a''b','c\\d','e\nf','g,h','','\0z\r','"',')')`)).toEqual({
    kind: "enum",
    members: ["a'b", "c\\d", "e\nf", "g,h", "", "\0z\r", '"', ")"],
  });
  expect(members("set('x','y''')")).toEqual({ kind: "set", members: ["x", "y'"] });
});

test("MariaDB's own types are texts", () => {
  for (const type of ["uuid", "inet4", "inet6"] as const)
    expect(read(type)).toEqual({ type: { kind: "text", form: type, charset: "ascii" }, refusal: null });
});

test("any other type is refused by its name", () => {
  for (const type of ["xmltype", "datetime(3) /* mariadb-5.3 */"]) {
    expect(read(type)).toEqual({ type: null, refusal: { code: "TABLE_TYPE_UNSUPPORTED", what: type } });
  }
});
