/** mysqld refuses to run as root unless told so, and any other user needs no such flag. */
export function userFlags(): string[] {
  return process.getuid?.() === 0 ? ["--user=root"] : [];
}
