import { isDeepStrictEqual } from "node:util";
import { afterAll, expect } from "vitest";
import { TableReader } from "../../src/lake/table-reader.ts";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { ClickHouseBridge } from "../support/clickhouse-bridge.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { remedyIn, type ToolEnd } from "../support/tool-run.ts";

/* A clock that goes back, and a trace store that is away: neither holds up the data or falsifies the counts. */

const folder = tempDir();
const bridge = folder.then(({ path }) => ClickHouseBridge.start(path));
const oracle = Oracle.open();
afterAll(async () => {
  await (await bridge)[Symbol.asyncDispose]();
  await (await folder)[Symbol.asyncDispose]();
  await (await oracle)[Symbol.asyncDispose]();
});

const HOUR_MS = 3_600_000;
const REPORT = ["report", "--deep", "--format", "json"];

const test = mysqlTest.extend("begin", ({ mysql, task }) => async () => {
  const { url, user, password } = await bridge;
  const trace = { url, user, password: "${env:TRACE}", database: `trace_${task.id.replaceAll(/\W/g, "_")}` };
  const sql = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a')";
  return BadDay.begin({
    ...{ server: mysql, oracle: await oracle, sql, env: { TRACE: password } },
    config: {
      more: `trace: ${JSON.stringify(trace)}\noverrides: [{tables: ["*.*"], schemaChanges: stop}]\n`,
    },
  });
});

/** Instants of the table's commits in the order of their positions. */
async function instants(day: BadDay): Promise<readonly string[]> {
  const id = { database: day.database, table: "t" };
  const commits = await new TableReader(day.place.lakeDir, id).commits(null);
  return commits
    .toSorted((a, b) => Number(a.checkpoint.position.gtids.size - b.checkpoint.position.gtids.size))
    .map(({ instant }) => instant);
}

interface Report {
  readonly tables: readonly {
    readonly verdict: string;
    readonly deep: { readonly verdict: string; readonly note: string | null };
    readonly windows: readonly { readonly commits: number; readonly findings: readonly unknown[] }[];
  }[];
}

/** How many commits a report has compared; all of them match, and so does every row. */
function commitsIn({ out }: ToolEnd): number {
  const { tables } = JSON.parse(out) as Report;
  expect(tables.map(({ verdict, deep }) => [verdict, deep.verdict])).toEqual([["match", "match"]]);
  return tables.flatMap(({ windows }) => windows).reduce((sum, { commits }) => sum + commits, 0);
}

test("a clock that is set back between two runs and while one runs", async ({ begin }) => {
  await using day = await begin();
  let skewMs = 0;
  const now = (): number => Date.now() + skewMs;
  expect(await day.outcome(INIT, { now })).toEqual([0]);
  await day.sql("INSERT INTO t VALUES (2, 'b')");
  expect(await day.outcome(CATCH_UP, { now })).toEqual([0]);
  skewMs = -HOUR_MS;
  await day.sql("INSERT INTO t VALUES (3, 'c')");
  expect(await day.outcome(CATCH_UP, { now })).toEqual([0]);
  // By an hour in each second, so that no change is older when it is due than when it came.
  const beganMs = performance.now();
  const backwards = (): number => now() - ((performance.now() - beganMs) / 1000) * HOUR_MS;
  const follow = day.start(["follow"], { now: backwards });
  await day.sql("INSERT INTO t VALUES (4, 'd')");
  await day.same("t");
  await day.sql("INSERT INTO t VALUES (5, 'e')");
  await day.same("t");
  expect(day.told(await follow.stop())).toEqual([0]);
  const rising = await instants(day);
  expect(rising.length).toBeGreaterThanOrEqual(5);
  expect(rising).toEqual([...new Set(rising)].sort());
  // Whatever the clock says, every commit is compared: a report is over positions.
  for (const clock of [Date.now, () => Date.now() - 2 * HOUR_MS]) {
    const report = await day.run(REPORT, { now: clock });
    expect([report.exitCode, commitsIn(report)]).toEqual([0, rising.length]);
  }
  expect(await day.wrong("t")).toEqual([]);
});

/** What the comparison of content says when it could not decide. */
const noteIn = ({ out }: ToolEnd): unknown =>
  (JSON.parse(out) as Report).tables.map(({ deep }) => [deep.verdict, deep.note]);

test("a lake that is behind, and nobody brings it forward: it is said at once, and not waited for", async ({
  begin,
}) => {
  await using day = await begin();
  // When every table has stopped, `follow` ends.
  await day.sql("CREATE TABLE other (id INT PRIMARY KEY)");
  const reportOfT = [...REPORT, "--table", `${day.database}.t`];
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("INSERT INTO t VALUES (2, 'b'); UPDATE t SET v = 'c' WHERE id = 1");
  const beganMs = performance.now();
  const behind = await day.run(reportOfT);
  expect([behind.exitCode, noteIn(behind)]).toEqual([
    2,
    [
      [
        "inconclusive",
        "the lake is 2 transactions behind MySQL, and no `follow` runs: run `tallylake follow --until-caught-up`, then the report again",
      ],
    ],
  ]);
  expect(performance.now() - beganMs).toBeLessThan(60_000);
  const follow = day.start(["follow"]);
  await follow.logged("the start", ({ message }) => message === "following");
  // It runs, so it is waited for.
  await day.sql("INSERT INTO t VALUES (3, 'd')");
  const report = await day.run(reportOfT);
  expect([report.exitCode, commitsIn(report) > 0]).toEqual([0, true]);
  await day.sql("TRUNCATE TABLE t");
  await follow.logged("the stop of the table", ({ message }) => message.includes(".t has stopped"));
  const stopped = await day.run(reportOfT);
  expect([stopped.exitCode, noteIn(stopped)]).toEqual([
    2,
    [
      [
        "inconclusive",
        "the lake is 1 transaction behind MySQL, and the running `follow` has left the table where it stopped: `tallylake status` says why",
      ],
    ],
  ]);
  expect((await follow.stop()).exitCode).toBe(1);
});

test("a trace store that is away while the data goes on, and gets all counts afterwards", async ({
  begin,
}) => {
  await using day = await begin();
  const store = await bridge;
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  const status = async (): Promise<readonly unknown[]> =>
    traceState(await day.run(["status", "--format", "json"]));
  const trace = (...expected: readonly unknown[]): Promise<unknown> =>
    waitFor(`the trace store to be ${expected.join()}`, async () =>
      isDeepStrictEqual(await status(), expected),
    );
  await trace("follow", "ok", 0);
  await store.pause();
  for (let id = 2; id < 5; id++) {
    await day.sql(`INSERT INTO t VALUES (${id}, 'b')`);
    await day.same("t");
  }
  await trace("follow", "away", 3);
  expect(day.told(await follow.stop())).toEqual([0]);
  expect(await status()).toEqual(["store", "away", null]);
  const away = await day.run(REPORT);
  const address = store.url.replace("http://", "");
  expect(day.told(away)).toEqual([
    75,
    `TRACE_UNAVAILABLE trace store at ${address}: read commits: ECONNREFUSED: connect ECONNREFUSED ${address}`,
  ]);
  expect(remedyIn(away)).toBe(
    "start the trace store, or correct trace.url; counts wait in the commits of the lake",
  );
  await store.resume();
  const report = await day.run(REPORT);
  expect([report.exitCode, commitsIn(report)]).toEqual([0, (await instants(day)).length]);
  expect(await status()).toEqual(["store", "ok", 0]);
  expect(await day.wrong("t")).toEqual([]);
});

/** Who was asked, and what the answer was: while no `follow` is up, `status` asks the store itself. */
function traceState({ out }: ToolEnd): readonly unknown[] {
  const { trace, process } = JSON.parse(out) as {
    readonly trace: { readonly state: string; readonly queuedCommits: number | null };
    /** Only a `follow` that answers says since when it runs. */
    readonly process: { readonly sinceMs: number | null };
  };
  return [process.sinceMs === null ? "store" : "follow", trace.state, trace.queuedCommits];
}
