import { createLogUpdate } from "log-update";

export interface Progress extends Disposable {
  /** Writes a text above the line. */
  readonly say: (text: string) => void;
}

const FRAME_MS = 500;
const LINE_MS = 30_000;

/** Shows a line that changes: one that rewrites itself on a terminal, elsewhere one from time to time. */
export function showProgress(stream: NodeJS.WriteStream, line: () => string): Progress {
  return stream.isTTY ? rewrittenLine(stream, line) : repeatedLine(stream, line);
}

function rewrittenLine(stream: NodeJS.WriteStream, line: () => string): Progress {
  const update = createLogUpdate(stream);
  const frame = (): void => update(line());
  const timer = setInterval(frame, FRAME_MS).unref();
  return {
    say: (text) => {
      update.clear();
      stream.write(text);
      frame();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      update.clear();
    },
  };
}

function repeatedLine(stream: NodeJS.WriteStream, line: () => string): Progress {
  const timer = setInterval(() => stream.write(`${line()}\n`), LINE_MS).unref();
  return {
    say: (text) => void stream.write(text),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
