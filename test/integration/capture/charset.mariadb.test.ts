import { CHARSETS, expectEveryCharacter } from "../../support/charset-texts.ts";
import { eachMariadb } from "../../support/mariadb.ts";

/** Those whose characters have more than one byte: the older version is asked for these only. */
const WIDE: ReadonlySet<string> = new Set([
  "big5",
  "cp932",
  "euckr",
  "gbk",
  "ujis",
  "ucs2",
  "utf16",
  "utf16le",
  "utf32",
]);

eachMariadb((test, version) => {
  for (const charset of CHARSETS) {
    // MariaDB does not have it.
    if (charset === "gb18030" || (version === "10.11" && !WIDE.has(charset))) continue;
    test(`B98 B99: every character of ${charset}`, async ({ database }) => {
      await expectEveryCharacter(charset, database, ["columns"]);
    });
  }
});
