/** Runs before the program, by `node --import`: packages that are not installed beside it are found elsewhere. */
import { registerHooks } from "node:module";
import { MODULE_MAP } from "../support/module-map.ts";

const urls = JSON.parse(process.env[MODULE_MAP] ?? "{}") as Readonly<Record<string, string>>;

registerHooks({ resolve: (name, context, next) => next(urls[name] ?? name, context) });
