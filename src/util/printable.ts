/**
 * Names and messages come from servers and files. Shown to a person they must not move the cursor, change
 * colours or fake a second line, so control and direction characters become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
