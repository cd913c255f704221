const DEBIAN_PATH = /\/debian(\/\d{8}T\d{6}Z)?\/?$/;

/**
 * The mirror of the Debian archive that this machine's apt sources name first, or null. `texts` are
 * the contents of its sources files, in the one-line format or in deb822.
 */
export function debianMirror(texts: readonly string[]): string | null {
  for (const text of texts) {
    for (const line of text.split("\n")) {
      for (const uri of urisOf(line)) if (DEBIAN_PATH.test(uri)) return uri;
    }
  }
  return null;
}

function urisOf(line: string): string[] {
  const deb822 = /^URIs:(.*)$/i.exec(line)?.[1];
  const oneLine = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)/.exec(line)?.[1];
  return (deb822 ?? oneLine ?? "").split(/\s+/).filter((word) => /^https?:\/\//.test(word));
}
