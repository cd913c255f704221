const LINES_MAX = 6;

/** The end of what a Java program has printed, on one line and without the frames of stack traces. */
export function lastWords(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s+(at|\.\.\.) /.test(line));
  return lines
    .slice(-LINES_MAX)
    .map((line) => line.trim())
    .join(" | ");
}
