export { buildProgram as setup } from "./program-bundle.ts";
