import type { CaseSection } from "./case.ts";

/** Rows that become two, or two that become one. */
export const KEY_CASES: CaseSection = {
  title: "C: keys",
  isComplete: true,
  cases: [
    { id: "C118", title: "no primary key" },
    { id: "C119", title: "a unique key in the place of a primary one" },
    { id: "C120", title: "a unique key that may be NULL" },
    { id: "C121", title: "keys of several columns" },
    { id: "C122", title: "keys that change" },
    { id: "C123", title: "rows that trade their keys" },
    { id: "C124", title: "keys that differ in case alone" },
    { id: "C125", title: "keys that are equal by collation" },
    { id: "C126", title: "a key that comes back in another spelling" },
    { id: "C127", title: "keys of every type" },
    { id: "C128", title: "keys as long as they can be" },
    { id: "C129", title: "keys on prefixes" },
    { id: "C130", title: "numbers that are given out again" },
    { id: "C131", title: "another primary key" },
  ],
};
