import { once } from "node:events";
import { parseArgs } from "node:util";
import { messageOf, SyncError } from "../src/util/errors.ts";
import { loadShop } from "./shop/load.ts";
import { ShopWriters } from "./shop/writers.ts";

const USAGE = `usage: node scripts/shop.ts <command> mysql://root@127.0.0.1:13309/shop

  load [--scale 1] [--replace]                   make the sample tables, 342,000 rows at scale 1
  write [--writers 8] [--rate N] [--seed 1] [--seconds N]
                                                 change them until SIGTERM, or for N seconds, N
                                                 transactions a second when --rate is given

Both print what they did as one line of JSON.
`;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      scale: { type: "string", default: "1" },
      replace: { type: "boolean", default: false },
      writers: { type: "string", default: "8" },
      rate: { type: "string" },
      seed: { type: "string", default: "1" },
      seconds: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [command, url] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (url === undefined || (command !== "load" && command !== "write")) {
    process.stderr.write(USAGE);
    return 64;
  }
  if (command === "load") {
    print(Object.fromEntries(await loadShop({ url, scale: Number(values.scale), replace: values.replace })));
    return 0;
  }
  const writers = await ShopWriters.start({
    url,
    writers: Number(values.writers),
    seed: Number(values.seed),
    ...(values.rate === undefined ? {} : { transactionsPerSecond: Number(values.rate) }),
  });
  await Promise.race([asked(values.seconds), writers.ended]);
  print(await writers.stop());
  return 0;
}

/** Resolves when somebody wants the writers to end, or when their time is over. */
async function asked(seconds: string | undefined): Promise<void> {
  const signals = [once(process, "SIGTERM"), once(process, "SIGINT")];
  if (seconds === undefined) {
    await Promise.race(signals);
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise((resolve) => (timer = setTimeout(resolve, Number(seconds) * 1000)));
  await Promise.race([...signals, over]);
  clearTimeout(timer);
}

function print(facts: object): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const remedy = error instanceof SyncError ? `\n  remedy: ${error.hint}` : "";
  process.stderr.write(`shop: ${messageOf(error)}${remedy}\n`);
  process.exitCode = error instanceof SyncError ? error.exitCode : 1;
}
