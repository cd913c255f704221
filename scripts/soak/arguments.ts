import { parseArgs } from "node:util";
import { ALL_PARTS, isPart, PARTS, SNAPSHOT_RUNS_MIN, type Part } from "./schedule.ts";

export const USAGE = `usage: npm run soak -- [options]

The long versions of what the suite runs short, against a MySQL of its own:

  crash     kills at random steps and at random times, several in a row, of follow and of init under writes
  snapshot  snapshots while ten sessions write, then the stream
  values    random rows of every type, by both codecs and through the whole program
  ddl       random statements that change tables and their rows, under a follow that is killed; some 15 histories
            a minute
  fuzz      binlog events with changed bytes, through everything that reads them, ten million in an hour
  kafka     with --kafka: lost answers, kills, pauses, second captures, broken networks and leaders that move
            between capture and apply, at random, some 200 in an hour with each of the two clients

Everything is compared with MySQL, cell by cell, and with the program's own report.

  --minutes <n>   how long (default: 60). The parts share the time; ${SNAPSHOT_RUNS_MIN} snapshots are taken even
                  past it, or one for each minute when there are fewer minutes
  --seed <n>      what everything random follows from (default: from the clock, and printed)
  --kafka         the part \`kafka\` too
  --only <part>   crash, snapshot, values, ddl, fuzz or kafka
  --help

Progress goes to stderr, and so does everything that goes wrong, at once, with what repeats it; the folder of
such a run is kept. The last line, on stdout, sums all of it.

Exit codes:
  0   nothing diverged
  1   something did, the report was wrong about it, or a run did not end as it must
  64  usage
  69  this machine lacks something
  130, 143  ended by SIGINT or SIGTERM
`;

const MINUTES_DEFAULT = 60;
const SEED_MAX = 1_000_000_000;

export interface SoakArguments {
  readonly minutes: number;
  readonly seed: number;
  readonly parts: readonly Part[];
}

/**
 * What was asked for; null when that is the help.
 *
 * @throws TypeError that says what is wrong with the arguments.
 */
export function parseSoakArguments(argv: readonly string[], nowMs: number): SoakArguments | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      kafka: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { only } = values;
  if (only !== undefined && !isPart(only))
    throw new TypeError(`--only must be ${ALL_PARTS.join(", ")}, not ${only}`);
  return {
    minutes: minutesOf(values.minutes),
    seed: seedOf(values.seed, nowMs),
    parts: only !== undefined ? [only] : values.kafka ? ALL_PARTS : PARTS,
  };
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return MINUTES_DEFAULT;
  const minutes = Number(text);
  if (!(minutes > 0 && Number.isFinite(minutes)))
    throw new TypeError(`--minutes must be a number above 0, not ${text}`);
  return minutes;
}

function seedOf(text: string | undefined, nowMs: number): number {
  if (text === undefined) return Math.floor(nowMs / 1000) % 1_000_000;
  if (!/^\d+$/.test(text) || Number(text) >= SEED_MAX)
    throw new TypeError(`--seed must be a whole number below ${SEED_MAX}, not ${text}`);
  return Number(text);
}
