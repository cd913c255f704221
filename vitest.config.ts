import { defineConfig } from "vitest/config";
import { compileCacheFolder } from "./scripts/cache-folder.ts";

/**
 * Threads that a test starts read our sources by Node's own loader, which strips their types in WebAssembly.
 * V8 13 is known to crash now and then when threads that run WebAssembly begin and end all the time
 * (nodejs/node#64500), and tests do little else. With a cache each source is stripped once.
 */
const env = { NODE_COMPILE_CACHE: compileCacheFolder() };

/**
 * The suffix of a test file names the environment it needs, and so its project:
 * `*.test.ts` under test/unit needs nothing, `*.lake.test.ts` a disk and DuckDB, `*.mysql.test.ts` a MySQL server,
 * `*.mariadb.test.ts` a MariaDB of each version that we follow, `*.kafka.test.ts` a Kafka broker, `*.clickhouse.test.ts` a ClickHouse, `*.e2e.test.ts` the whole path,
 * `*.crash.test.ts` child processes that are killed, `*.faults.test.ts` brokers and networks that break as well,
 * `*.engines.test.ts` others that read what we write: Spark and hudi-rs the tables, and Flink, ClickHouse and Kafka's
 * own consumer the topics.
 */
const project = (name: string, include: string[], extra: object = {}) => ({
  test: { name, include, testTimeout: 60_000, hookTimeout: 180_000, env, ...extra },
});

const MYSQL = "test/support/mysql-global-setup.ts";
/** The program for tests that start it as a process. */
const PROGRAM = "test/support/program-global-setup.ts";
/** One MySQL for all tests of a run that need one, and the program packed for their processes. */
const withServer = { globalSetup: [MYSQL, PROGRAM] };
/**
 * Files share their modules, which saves loading them for each. Not in threads: a run in threads whose tests had all
 * passed has ended with an error, and without a word.
 */
const shared = { isolate: false, pool: "forks" };

/** kafkajs's own consumer, by which tests read topics, sets timers of negative time, of which Node warns. */
const withConsumer = { execArgv: ["--disable-warning=TimeoutNegativeWarning"] };

export default defineConfig({
  test: {
    silent: "passed-only",
    // Server projects share two cores and one server: files run one after another.
    projects: [
      project("unit", ["test/unit/**/*.test.ts", "test/*.test.ts"], { testTimeout: 20_000, ...shared }),
      project("lake", ["test/**/*.lake.test.ts"], { fileParallelism: false, ...shared }),
      project("mysql", ["test/**/*.mysql.test.ts"], { fileParallelism: false, ...withServer }),
      project("mariadb", ["test/**/*.mariadb.test.ts"], {
        fileParallelism: false,
        globalSetup: ["test/support/mariadb-global-setup.ts", PROGRAM],
      }),
      project("kafka", ["test/**/*.kafka.test.ts"], {
        fileParallelism: false,
        globalSetup: "test/support/kafka-global-setup.ts",
        ...withConsumer,
      }),
      project("clickhouse", ["test/**/*.clickhouse.test.ts"], { fileParallelism: false }),
      project("e2e", ["test/**/*.e2e.test.ts"], {
        fileParallelism: false,
        testTimeout: 300_000,
        ...withServer,
      }),
      project("crash", ["test/**/*.crash.test.ts"], {
        fileParallelism: false,
        testTimeout: 600_000,
        ...withServer,
      }),
      project("faults", ["test/**/*.faults.test.ts"], {
        fileParallelism: false,
        // Scenarios of one file share brokers, and wait for them most of the time.
        maxConcurrency: 4,
        testTimeout: 600_000,
        ...withServer,
        ...withConsumer,
      }),
      project("engines", ["test/**/*.engines.test.ts"], {
        fileParallelism: false,
        testTimeout: 600_000,
        ...withServer,
        ...withConsumer,
      }),
    ],
  },
});
