/** Texts within regular expressions. */

/** An expression in the syntax of RE2 that matches the text. Characters beyond ASCII are encoded, as in the canonical form of paths. */
export function regexOf(text: string): string {
  return encodedPath(text).replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

/** Characters beyond ASCII become percent signs and digits. */
export function encodedPath(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (character) => encodeURIComponent(character));
}

/** The text in a value of a configuration, where `${` would read the environment. */
export function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

/** Whether the path can stand in `match.path` as it is. */
export function isPlainPath(path: string): boolean {
  return /^\/[\w./~!&'(),:=@+-]*$/.test(path) && !/\/\.{0,2}\/|\/\.{1,2}$/.test(path);
}
