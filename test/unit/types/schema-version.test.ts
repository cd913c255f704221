import { expect, test } from "vitest";
import { schemaVersion } from "../../../src/types/schema-version.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";

const column = (name: string, type: ColumnType) => ({ name, type });
const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };

test("a version is pinned: it is stored in checkpoints and manifests", () => {
  const columns = [
    column("id", INT),
    column("state", { kind: "enum", members: ["new", "it's"] }),
    column("price", { kind: "decimal", precision: 10, scale: 2 }),
  ];
  expect(schemaVersion(columns, ["id"])).toBe("d76c112ae135795a");
});

test("the order in which the fields of a type were set does not matter", () => {
  const other = JSON.parse('{"unsigned":false,"bytes":4,"kind":"int"}') as ColumnType;
  expect(schemaVersion([column("id", other)], ["id"])).toBe(schemaVersion([column("id", INT)], ["id"]));
});

test("every part of a schema changes the version", () => {
  const text = (form: "char" | "varchar", charset: "latin1" | "utf8mb4"): ColumnType => ({
    kind: "text",
    form,
    charset,
  });
  const a = column("a", INT);
  const b = column("b", INT);
  const versions = [
    schemaVersion([a, b], ["a"]),
    schemaVersion([b, a], ["a"]),
    schemaVersion([a, b], ["b"]),
    schemaVersion([a, b], ["a", "b"]),
    schemaVersion([a, b], ["b", "a"]),
    schemaVersion([a], ["a"]),
    schemaVersion([column("A", INT), b], ["A"]),
    schemaVersion([a, column("b", { kind: "int", bytes: 4, unsigned: true })], ["a"]),
    schemaVersion([a, column("b", { kind: "int", bytes: 8, unsigned: false })], ["a"]),
    schemaVersion([a, column("b", text("char", "latin1"))], ["a"]),
    schemaVersion([a, column("b", text("varchar", "latin1"))], ["a"]),
    schemaVersion([a, column("b", text("varchar", "utf8mb4"))], ["a"]),
    schemaVersion([a, column("b", { kind: "enum", members: ["x", "y"] })], ["a"]),
    schemaVersion([a, column("b", { kind: "enum", members: ["y", "x"] })], ["a"]),
    schemaVersion([a, column("b", { kind: "set", members: ["x", "y"] })], ["a"]),
    schemaVersion([a, column("b", { kind: "time", fsp: 0 })], ["a"]),
    schemaVersion([a, column("b", { kind: "time", fsp: 6 })], ["a"]),
    schemaVersion([a, column("b", { kind: "datetime", fsp: 6 })], ["a"]),
    schemaVersion([a, column("b", { kind: "bytes", form: "binary", length: 4 })], ["a"]),
    schemaVersion([a, column("b", { kind: "bytes", form: "binary", length: 5 })], ["a"]),
    schemaVersion([a, column("b", { kind: "bytes", form: "blob", length: null })], ["a"]),
  ];
  expect(new Set(versions).size).toBe(versions.length);
});

test("a member is the same as what the catalogue makes of its four-byte characters", () => {
  const version = (member: string) =>
    schemaVersion([column("e", { kind: "enum", members: [member] })], ["e"]);
  expect(version("a🐬b")).toBe(version("a?b"));
  expect(version("aéb")).not.toBe(version("a?b"));
});
