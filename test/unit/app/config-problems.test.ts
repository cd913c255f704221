import { describe, expect, test } from "vitest";
import { configProblems, MINIMAL_CONFIG } from "../../support/config-text.ts";

const CANARY = "c4nary-s3cret";

describe("mistakes", () => {
  test("are all listed at once, with place, allowed values and what was meant", () => {
    const text = `source:
  url: mysql://root:${CANARY}@db:3306/shop
  passwrod: ${CANARY}
  tls: {mode: verfy, cert: a.pem}
table.include.list: shop.*
tables: shop.*
lake:
flush_interval: 30
commit:
  intervalMs: 3000
  every: 30
  rows: 100k
  bytes: 1KiB
overrides:
  - tables: [shop, "/a(/"]
    zeroDates: nul
  - tables: []
    mask: {email: hash}
trace: of
log: {level: warning}
snapshot: {parallel: 100, chunkRows: 1.5}
exclude: [a.b, 5]
${CANARY}@x: 4
wrong: 1
`;
    expect(configProblems(text)).toEqual([
      "2:8: `source.url`: the URL must end behind the port; databases are chosen under `tables`, such as `shop.*`",
      "2:8: `source.url`: a password must not stand in the config; write `${env:MYSQL_PASSWORD}` or `${file:mysql.password}` in its place",
      "3:3: unknown key `source.passwrod`; did you mean `source.password`?",
      "4:15: `source.tls.mode` must be one of verify, insecure, off, is `verfy`; did you mean `verify`?",
      "4:28: `source.tls.cert` names a file that cannot be read: a.pem",
      "4:28: `source.tls.cert` needs `source.tls.key` beside it",
      "5:1: unknown key `table.include.list`; did you mean `tables`?",
      '6:9: `tables` must be a list, such as `["shop.*"]`, is `shop.*`',
      "7:6: `lake` is empty; for example `lake: ./lake`",
      "8:1: unknown key `flush_interval`; did you mean `commit.every`?",
      "10:3: unknown key `commit.intervalMs`; did you mean `commit.every`?",
      "11:10: `commit.every` must be text, such as `30s`, is the number `30`",
      "12:9: `commit.rows` must be a whole number, is `100k`",
      "13:10: `commit.bytes` must be between 1MiB and 1024GiB, is 1KiB",
      "15:14: `overrides[0].tables[0]` is no table pattern: it must be `database.table`, such as `shop.*`",
      "15:20: `overrides[0].tables[1]` is no table pattern: it is not a valid regular expression",
      "16:16: `overrides[0].zeroDates` must be one of null, text, stop, is `nul`; did you mean `null`?",
      "17:13: `overrides[1].tables` must have at least one entry",
      "18:5: unknown key `overrides.mask`; this version cannot do that yet",
      "19:8: `trace` must be one of off, is `of`; did you mean `off`?",
      "20:14: `log.level` must be one of debug, info, warn, error, is `warning`; did you mean `warn`?",
      "21:22: `snapshot.parallel` must be between 1 and 64, is the number `100`",
      "21:38: `snapshot.chunkRows` must be a whole number, is the number `1.5`",
      "22:16: `exclude[1]` must be text, is the number `5`",
      "23:1: unknown key `…`; known here: source, tables, exclude, lake, stateDir, channel, defaults, overrides, snapshot, commit, clean, trace, memory, log",
      "24:1: unknown key `wrong`; known here: source, tables, exclude, lake, stateDir, channel, defaults, overrides, snapshot, commit, clean, trace, memory, log",
    ]);
  });

  test.each([
    ["nothing", "", ["1:1: the file is empty; a config has at least `source`, `tables` and `lake`"]],
    ["a text", "hello", ["1:1: the file must be a map of keys and values, is a text"]],
    [
      "nothing that is needed",
      "log: {level: info}",
      [
        "1:1: `source` is missing; for example `source: mysql://user@host:port`",
        '1:1: `tables` is missing; for example `tables: ["shop.*"]`',
        "1:1: `lake` is missing; for example `lake: ./lake`",
      ],
    ],
    [
      "a source without its URL",
      "source: {name: x}\ntables: [a.b]\nlake: l\n",
      ["1:9: `source.url` is missing; for example `url: mysql://user@host:port`"],
    ],
    [
      "a list for the source",
      "source: [x]\ntables: [a.b]\nlake: l\n",
      ["1:9: `source` must be text or a map, is a list"],
    ],
    [
      "a * that YAML takes for an alias",
      "tables: [*.orders]",
      [
        "1:10: a * at the beginning means an alias, and there is no such anchor; put the text in quotes when it is meant as text",
      ],
    ],
    [
      "a colon too many",
      "source: mysql: //x",
      [
        "1:9: a map cannot begin here: is there a second colon in the line? put the text in quotes when it is meant as text",
      ],
    ],
    ["a key twice", "lake: a\nlake: b\n", ["2:1: this key stands here for the second time"]],
    ["tabs", "log:\n\tlevel: info\n", ["2:1: the indentation must be spaces, not tabs"]],
    [
      "a tag",
      "lake: !vault x",
      ["1:7: this tag is not known; put the text in quotes when it is meant as text"],
    ],
    ["two documents", `${MINIMAL_CONFIG}---\na: 1\n`, ["4:1: the file must hold one document"]],
    [
      "an object store",
      MINIMAL_CONFIG.replace("./lake", "s3://b/x"),
      ["3:7: `lake` must be a folder of this machine; object stores are not supported yet"],
    ],
    [
      "a state folder in the lake",
      MINIMAL_CONFIG.replace("./lake", "."),
      ["3:7: `stateDir` must not lie in the folder of `lake`: that holds tables only"],
    ],
    [
      "a reference where there is none",
      MINIMAL_CONFIG.replace("./lake", "${env:LAKE}"),
      ["3:7: `lake` cannot be a reference; `${env:…}` and `${file:…}` are for URLs, users and passwords"],
    ],
    [
      "a trace store of two kinds, and a certificate without use",
      `source: {url: 'mysql://u@h', tls: {mode: 'off', ca: ${import.meta.filename}}}\ntables: [a.b]\nlake: l\ntrace: {url: 'http://x', path: t}\n`,
      [
        `1:53: \`source.tls.ca\` has no use when the mode is off`,
        "4:32: `trace` has a path and a url; leave one of them out",
      ],
    ],
    [
      "a user of no server",
      `${MINIMAL_CONFIG}trace: {path: t, user: x}\n`,
      ["4:24: `trace.user` is for a server, and `trace.url` is missing"],
    ],
    [
      "a trace URL with a password",
      `${MINIMAL_CONFIG}trace: {url: 'http://u:${CANARY}@x'}\n`,
      ["4:14: `trace.url` must hold no user and no password; they have their own keys beside it"],
    ],
    [
      "a key called __proto__",
      `${MINIMAL_CONFIG}__proto__: {x: 1}\n`,
      [expect.stringMatching(/^4:1: unknown key `__proto__`; known here: /) as string],
    ],
  ])("%s", (_name, text, expected) => {
    expect(configProblems(text)).toEqual(expected);
  });

  test.each([
    ["table.exclude.list: [a.b]", "exclude"],
    ["tables.exclude: [a.b]", "exclude"],
    ["snapshot: {max.threads: 2}", "snapshot.parallel"],
    ["snapshot: {fetch_size: 2}", "snapshot.chunkRows"],
    ["flushIntervalSeconds: 3", "commit.every"],
    ["commit: {interval: 3s}", "commit.every"],
    ["max_batch_size: 3", "commit.rows"],
    ["heartbeat.interval.ms: 3", "commit.idleEvery"],
    ["Tables: [a.b]", "tables"],
    ["state_dir: x", "stateDir"],
    ["hoodie.bucket.index.num.buckets: 4", "defaults.buckets"],
    ["parallel: 4", "snapshot.parallel"],
    ["retain: 4h", "clean.retain"],
    ["database.server.id: 4", "source.serverId"],
    ["sink: {type: hudi}", "lake"],
  ])("the words of others: %s", (line, meant) => {
    const [first] = configProblems(`${MINIMAL_CONFIG}${line}\n`);
    expect(first).toMatch(new RegExp(`; did you mean \`${meant}\`\\?$`));
  });
});
