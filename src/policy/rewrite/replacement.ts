/** The text that replaces a match: `$1` and `$<name>` stand for groups, `$$` for a dollar sign; any other dollar sign is text. */

/** Texts and names of groups. */
export type Replacement = readonly (string | { readonly group: string })[];

const GROUP = /\$(?:\$|([0-9]{1,2})|<([A-Za-z_][A-Za-z0-9_]*)>)/g;

export function parseReplacement(text: string): Replacement {
  const parts: (string | { readonly group: string })[] = [];
  let at = 0;
  for (const match of text.matchAll(GROUP)) {
    const [whole, number, name] = match;
    parts.push(text.slice(at, match.index));
    at = match.index + whole.length;
    const group = number ?? name;
    parts.push(group === undefined ? "$" : { group: number === undefined ? group : String(Number(number)) });
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}

/** A group that is not there, or took no part in the match, is empty. */
export function fillReplacement(replacement: Replacement, groups: ReadonlyMap<string, string>): string {
  return replacement.map((part) => (typeof part === "string" ? part : (groups.get(part.group) ?? ""))).join("");
}
