#!/usr/bin/env node
/** Arguments in, exit code out: the only place that ends the process. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { handlers } from "./app/handlers.ts";
import { Lifecycle } from "./app/lifecycle.ts";
import { Output } from "./app/output.ts";
import { Program } from "./app/program.ts";
import { packageVersion } from "./app/package-info.ts";

const out = new Output(process.stdout, "stdout");
const err = new Output(process.stderr, "stderr");
const lifecycle = new Lifecycle({
  write: (line) => err.write(line),
  exit: (code) => process.exit(code),
});
lifecycle.listen(process);

const program = new Program({
  argv: process.argv.slice(2),
  env: process.env,
  hostname: hostname(),
  version: packageVersion(),
  out,
  err,
  now: Date.now,
  lifecycle,
  handlers,
  readFile: (file) => readFileSync(file),
});
// Node would end with 1, which says that a table does not match.
process.on("uncaughtException", (error) => process.exit(program.showError(error)));
process.exit(await program.run());
