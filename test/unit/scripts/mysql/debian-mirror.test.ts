import { expect, test } from "vitest";
import { debianMirror } from "../../../../scripts/mysql/debian-mirror.ts";

test.each([
  ["deb http://mirror.example/debian bookworm main", "http://mirror.example/debian"],
  [
    "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian/ sid main",
    "https://mirror.example/debian/",
  ],
  ["Types: deb\nURIs: http://mirror.example/debian\nSuites: sid", "http://mirror.example/debian"],
  ["URIs: http://a.example/tools http://b.example/debian", "http://b.example/debian"],
  [
    "deb https://s.example/archive/debian/20250520T000000Z sid main",
    "https://s.example/archive/debian/20250520T000000Z",
  ],
  ["# deb http://mirror.example/debian bookworm main", null],
  ["# see http://mirror.example/debian\nURIs: http://mirror.example/debian-security", null],
  ["deb-src http://mirror.example/debian bookworm main", null],
  ["deb http://mirror.example/ubuntu noble main", null],
  ["", null],
])("%j names %j", (text, mirror) => {
  expect(debianMirror([text])).toBe(mirror);
});

test("the first file that names one decides", () => {
  const texts = [
    "deb http://a.example/tools x",
    "deb http://b.example/debian x y",
    "deb http://c.example/debian x",
  ];
  expect(debianMirror(texts)).toBe("http://b.example/debian");
});
