/** Takes a line on something that takes long, such as a download, for whoever waits for it. */
export type Notice = (line: string) => void;

export const stderrNotice: Notice = (line) => void process.stderr.write(`${line}\n`);
