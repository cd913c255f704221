import { EventFramer } from "../../src/capture/binlog-event.ts";
import { readCorpus } from "./binlog-corpus.ts";

/** A framer that has seen how events are laid out, without checksums: nothing may come before that. */
export function headedFramer(): EventFramer {
  const { bare } = readCorpus("mysql-9.7").head;
  const framer = new EventFramer();
  framer.frame(bare, 0, bare.length);
  return framer;
}
