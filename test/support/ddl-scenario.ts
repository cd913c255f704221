import { seededRandom } from "../../scripts/random.ts";
import type { CrashRig } from "./crash-rig.ts";
import { failure, type Outcome } from "./crash-scenario.ts";
import { DDL_TABLES, DdlHistory, MAKE_DDL_TABLES } from "./ddl-history.ts";

const CONFIG = `
exclude: ["*._*"]
lake: ./lake
defaults: { buckets: 2 }
snapshot: { parallel: 2, chunkRows: 25 }
commit: { every: 200ms, rows: 60 }
memory: { duckdb: 256MiB, queue: 1MiB }
`;

const LIVES = 3;
const STEPS_IN_LIFE = 7;
const STEPS_BETWEEN = 3;
const LIFE_MS_MIN = 500;
const LIFE_MS_MAX = 2500;
const FOLLOW = ["follow", "--until-caught-up"];

/**
 * A random history of changes to rows and definitions while a \`follow\` runs, which is killed at random times, and goes
 * on while none runs. In the end the tables are as MySQL has them.
 */
export async function ddlScenario(rig: CrashRig, { seed }: { readonly seed: number }): Promise<Outcome> {
  const random = seededRandom(seed);
  await using database = await rig.mysql.database();
  await database.run(MAKE_DDL_TABLES);
  const place = await rig.place(database.name, { config: CONFIG });
  const history = new DdlHistory(database.connection, random);
  const write = async (steps: number): Promise<void> => {
    for (let i = 0; i < steps; i++) await history.step();
  };
  const name = `changes of tables ${seed}`;
  const base = { name, missed: [], recovery: [], recoveryMs: 0, isJudged: false, dir: place.dir };
  const begun = await rig.run(place, { args: ["init"] });
  if (begun.code !== 0) return { ...base, kills: 0, runs: 1, wrong: [failure(["init"], begun)] };
  for (let life = 1; life <= LIVES; life++) {
    const killAfterMs = LIFE_MS_MIN + random() * (LIFE_MS_MAX - LIFE_MS_MIN);
    const [end] = await Promise.all([
      rig.run(place, { args: ["follow"], killAfterMs }),
      write(STEPS_IN_LIFE),
    ]);
    if (!end.isKilled) return { ...base, kills: life - 1, runs: life + 1, wrong: [failure(["follow"], end)] };
    await write(STEPS_BETWEEN);
  }
  const end = await rig.run(place, { args: FOLLOW });
  const ran = { ...base, kills: LIVES, runs: LIVES + 2, recovery: end.steps, recoveryMs: end.ms };
  if (end.code !== 0) return { ...ran, wrong: [failure(FOLLOW, end)] };
  if (history.count.ddl < LIVES)
    return { ...ran, wrong: ["the history has hardly any change of a definition"] };
  const wrong = await rig.judge(place, database, DDL_TABLES);
  if (wrong.length === 0) await rig.remove(place);
  return { ...ran, wrong, isJudged: true };
}
